package io.engram.index;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * An index that {@link IndexEngine#open} found in its directory, or made there.
 *
 * @param index of the last commit, without what is damaged; empty when there was no commit
 * @param userData of the last commit; none when there was none
 * @param damaged segments that are not in the index; the next commit forgets them
 */
public record OpenedIndex(VectorIndex index, Optional<byte[]> userData, List<DamagedSegment> damaged) {
    public OpenedIndex {
        Objects.requireNonNull(index, "index");
        Objects.requireNonNull(userData, "userData");
        damaged = List.copyOf(damaged);
    }
}
