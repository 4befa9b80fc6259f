/**
 * What an accepted change does: to memories, sessions and spaces, with what their retention leaves of them, and to the index
 * that follows. One record after the other, on the stream thread of its task.
 */
package io.engram.topology.apply;
