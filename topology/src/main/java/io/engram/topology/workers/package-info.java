/**
 * From the store to the index: references wait in the order of their deadlines, workers take them in batches, idle workers
 * steal.
 */
package io.engram.topology.workers;
