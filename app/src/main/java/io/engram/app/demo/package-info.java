/** The demo: everything in one process, over real data. */
package io.engram.app.demo;
