package io.engram.index;

/** Which entries a search may return. Called once or more per candidate, from the searching thread. */
@FunctionalInterface
public interface EntryFilter {
    /** Admits everything. */
    EntryFilter ALL = id -> true;

    boolean admits(String id);
}
