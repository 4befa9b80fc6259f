package io.engram.topology.workers;

import java.util.Collection;

/** What the workers know of the indexes of a partition. Thread-safe. */
public interface IndexedPartition {
    /** Decides which worker is at home here. */
    int partition();

    /** All spaces with an index here. */
    Collection<? extends IndexedSpace> spaces();

    /** Estimated bytes of all indexes here. */
    long memoryBytes();

    /** A worker has dealt with that generation. */
    void settled(long generation);

    /** A worker has dealt with that background task. */
    void backgroundDone(IndexTask done);

    /** True once nothing is applied here any more. */
    boolean isClosed();
}
