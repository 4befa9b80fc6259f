/** The commands, but for the demo. */
package io.engram.app.cli;
