package io.engram.topology.follow;

import io.engram.topology.format.JournalPosition;
import java.util.UUID;

/**
 * The changes of a store in their order, kept beside what was changed: what an index on the disk has missed is in it.
 * Thread-safe.
 */
public interface ChangeJournal {
    /** Of the store's directory: positions of another one say nothing here. */
    UUID identity();

    /**
     * The last position up to which all was committed, and handed over to the indexes. Changes behind it may be of a transaction
     * that is never committed.
     */
    JournalPosition committed();

    /**
     * Changes of this epoch up to that number are in RocksDB's files: no crash takes them back. The store goes back to where it
     * was flushed last, since RocksDB keeps no log of its own.
     */
    long flushed();

    /**
     * How far the journal of what was stored went when the store was opened: every change up to there, of the same epoch, is
     * stored, and none behind it is.
     */
    JournalPosition survived();

    /** Nobody will ask for what is at or before that position any more. */
    void trimTo(JournalPosition position);
}
