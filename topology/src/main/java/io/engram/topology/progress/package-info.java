/**
 * How far everything has come: what of a lane is processed, indexed and acknowledged, what was committed when, and what time
 * it is for the broker.
 */
package io.engram.topology.progress;
