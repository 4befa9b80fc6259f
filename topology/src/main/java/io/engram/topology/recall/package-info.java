/** k-nearest-neighbour recall of one space on one partition: index, filter, exact similarity, stored content. */
package io.engram.topology.recall;
