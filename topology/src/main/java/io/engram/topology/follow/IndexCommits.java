package io.engram.topology.follow;

import io.engram.topology.format.JournalPosition;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Predicate;

/** Saves the indexes of one partition, and says what of the journal they still need. One thread at a time. */
public final class IndexCommits {
    private final IndexFiles files;
    private final ChangeJournal journal;

    IndexCommits(IndexFiles files, ChangeJournal journal) {
        this.files = files;
        this.journal = journal;
    }

    /**
     * What a pass over a partition wrote.
     *
     * @param spaces indexes
     * @param memories in them
     * @param bytes of their files
     */
    public record Saved(int spaces, long memories, long bytes) {
        /** Nothing. */
        public static final Saved NOTHING = new Saved(0, 0, 0);

        public Saved plus(Saved that) {
            return new Saved(spaces + that.spaces, memories + that.memories, bytes + that.bytes);
        }
    }

    /**
     * Saves every index that changed; then the journal may forget what none needs any more.
     *
     * @param areOpen true when all indexes of the partition are known and open: before, nothing may be forgotten
     * @param isHere false for a space that has been dropped meanwhile: its files may be gone
     * @throws SnapshotException when a file cannot be written; the others are saved nevertheless
     */
    Saved commit(Collection<SpaceIndex> spaces, boolean areOpen, Predicate<SpaceIndex> isHere)
            throws SnapshotException {
        try {
            // Whether there is anything to save or not: where nothing can be, people should know before there is.
            Files.createDirectories(files.directory());
        } catch (IOException e) {
            throw new SnapshotException(files.directory(), "cannot be written: " + e, e);
        }
        // Before it is looked at what is needed: a change that comes later is behind it.
        JournalPosition committed = journal.committed();
        Saved saved = Saved.NOTHING;
        Optional<SnapshotException> failed = Optional.empty();
        for (SpaceIndex space : spaces) {
            try {
                if (space.isToBeCommitted()) {
                    long bytes = space.commit();
                    saved = saved.plus(new Saved(1, space.size(), bytes));
                }
            } catch (IOException | RuntimeException e) {
                if (isHere.test(space)) {
                    failed = Optional.of(cannotBeWritten(space, e));
                }
            }
        }
        if (areOpen) {
            journal.trimTo(spaces.stream()
                    .flatMap(space -> space.follower().needs().stream())
                    .filter(needed -> needed.compareTo(committed) < 0)
                    .min(JournalPosition::compareTo)
                    .orElse(committed));
        }
        if (failed.isPresent()) {
            throw failed.get();
        }
        return saved;
    }

    /** Gives what is in the heap of indexes that rest files of their own. */
    void rest(Collection<SpaceIndex> spaces) throws SnapshotException {
        for (SpaceIndex space : spaces) {
            try {
                space.rest();
            } catch (IOException e) {
                throw cannotBeWritten(space, e);
            }
        }
    }

    long bytes(Collection<SpaceIndex> spaces) {
        return spaces.stream().mapToLong(space -> space.follower().savedBytes()).sum();
    }

    private static SnapshotException cannotBeWritten(SpaceIndex space, Exception cause) {
        return new SnapshotException(space.follower().directory(), "cannot be written: " + cause, cause);
    }
}
