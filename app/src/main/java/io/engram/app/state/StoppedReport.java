package io.engram.app.state;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * How the state of one task of a stopped instance compares with itself.
 *
 * @param task e.g. {@code 0_3}
 * @param stored memories in RocksDB
 * @param confirmed memories of the snapshots that RocksDB has exactly so: the next start need not insert them
 * @param toInsert memories that the next start will insert
 * @param toDrop memories of the snapshots that RocksDB has not, or not so
 * @param unusable snapshot files and why they cannot be used
 * @param notInChangelog keys of RocksDB that the changelog has not, or not so
 * @param notInStore keys of the changelog that RocksDB has not
 * @param removed what was removed so that the next start builds it anew
 */
public record StoppedReport(
        @JsonProperty("task") String task,
        @JsonProperty("stored") long stored,
        @JsonProperty("confirmed") long confirmed,
        @JsonProperty("to_insert") long toInsert,
        @JsonProperty("to_drop") long toDrop,
        @JsonProperty("unusable") List<String> unusable,
        @JsonProperty("not_in_changelog") long notInChangelog,
        @JsonProperty("not_in_store") long notInStore,
        @JsonProperty("removed") List<String> removed) {

    /** True when RocksDB agrees with the changelog and every snapshot can be used. */
    @JsonProperty("consistent")
    public boolean isConsistent() {
        return unusable.isEmpty() && notInChangelog + notInStore == 0;
    }
}
