/**
 * What time does, a little at each tick of a task: levels, acknowledgements, sessions that end, memories and marks that are
 * swept away.
 */
package io.engram.topology.tick;
