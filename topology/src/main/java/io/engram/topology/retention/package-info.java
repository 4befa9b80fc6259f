/** Retention: how long and how many memories a space keeps. */
package io.engram.topology.retention;
