/** Starting, watching and stopping one instance. */
package io.engram.app.lifecycle;
