package io.engram.topology.follow;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.IndexEngine;
import io.engram.index.OpenedIndex;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.topology.format.JournalPosition;
import io.engram.topology.metrics.SnapshotMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the index of a space follows its store: its files, what they say of the store's journal, and its
 * {@link FollowerState}.
 *
 * <pre>
 * files ── open ──→ what may differ, and from where the journal is to be read
 * commit: a position of the journal │ what waits to be applied │ (the index is copied) │ what no flush has reached
 *         everything up to it is in   but for these              now no more can enter   a crash takes these back
 * </pre>
 *
 * The order of these four is what makes it right: a change up to the position that is not in the index yet waits, and one
 * behind it that is in is not flushed, or it comes again with the rest of the journal. Thread-safe; one thread at a time
 * commits.
 */
final class Follower {
    private static final Logger LOG = LoggerFactory.getLogger(Follower.class);

    /** As many ids of a saved index as are looked up at its next opening rather than comparing everything. */
    private static final int MAX_UNSURE = 1_000_000;

    /** No number of changes that an index has. */
    private static final long UNKNOWN = -1;

    private final String space;
    private final Path directory;
    private final int dimension;
    private final boolean fromTheStart;
    private final ChangeJournal journal;
    private final SnapshotMetrics metrics;
    private final UnflushedChanges unflushed = new UnflushedChanges();
    private volatile Saved saved = Saved.NOTHING;
    private volatile JournalPosition replayed = JournalPosition.START;
    private volatile FollowerState state = FollowerState.OPENING;
    private volatile boolean handedOver;

    /**
     * What is on the disk.
     *
     * @param changes of the index that it has
     * @param position of the journal up to which it has everything
     * @param isComplete false when it has not: then the position says nothing
     * @param bytes of its files
     */
    private record Saved(long changes, JournalPosition position, boolean isComplete, long bytes) {
        static final Saved NOTHING = new Saved(0, JournalPosition.START, false, 0);
    }

    /**
     * @param directory of this index alone; made with the first vector
     * @param dimension of its vectors; 0 when none was known: then nothing that was saved is used
     * @param fromTheStart true when the store knew the space to be large when it was opened: then all that has been changed since
     *     is in the journal
     * @param journal of the store that it follows
     */
    Follower(
            String space,
            Path directory,
            int dimension,
            boolean fromTheStart,
            ChangeJournal journal,
            SnapshotMetrics metrics) {
        this.space = space;
        this.directory = directory;
        this.dimension = dimension;
        this.fromTheStart = fromTheStart;
        this.journal = journal;
        this.metrics = metrics;
    }

    Path directory() {
        return directory;
    }

    FollowerState state() {
        return state;
    }

    synchronized void on(FollowerState.Event event) {
        state = state.on(event);
    }

    /**
     * Opens what was saved; the caller takes over the index before it tells {@link #adopted}.
     *
     * @return empty when there is nothing that can be used
     * @throws io.engram.index.IndexInUseException when it is still being saved
     * @throws IOException when the files cannot be read for a reason that may pass
     */
    Optional<OpenedIndex> open(IndexEngine engine, VectorSource source) throws IOException {
        if (dimension < 1 || !Files.isDirectory(directory)) {
            return Optional.empty();
        }
        try {
            return Optional.of(engine.open(directory, dimension, source));
        } catch (DamagedIndexException e) {
            metrics.loadFailed();
            LOG.warn(
                    "The saved index of space {} cannot be used; it is built anew from the store: {}",
                    space,
                    e.getMessage());
            IndexFiles.delete(directory);
            return Optional.empty();
        }
    }

    /**
     * What was opened is the index now.
     *
     * @return ids of which the store may have something else
     */
    Collection<String> adopted(OpenedIndex opened) {
        Optional<FollowerCommit> commit = opened.userData().flatMap(this::decode);
        opened.damaged().forEach(this::warn);
        boolean same = fromTheStart
                && commit.isPresent()
                && commit.get().isComplete()
                && commit.get().store().equals(journal.identity())
                && commit.get().space().equals(space)
                && opened.damaged().isEmpty();
        if (!same) {
            on(FollowerState.Event.OTHER_STORE);
            return opened.index().ids();
        }
        // What is listed now need not be looked up by the next opening as well: it is saved anew soon.
        boolean lists =
                !commit.get().waiting().isEmpty() || !commit.get().unflushed().isEmpty();
        saved = new Saved(lists ? UNKNOWN : 0, commit.get().position(), true, IndexFiles.bytes(directory));
        on(FollowerState.Event.SAME_STORE);
        return commit.get().unsure(journal.survived());
    }

    private Optional<FollowerCommit> decode(byte[] userData) {
        try {
            return Optional.of(FollowerCommit.decode(userData));
        } catch (IllegalArgumentException e) {
            LOG.warn("The saved index of space {} is compared with the store: {}", space, e.getMessage());
            return Optional.empty();
        }
    }

    private void warn(DamagedSegment segment) {
        metrics.loadFailed();
        LOG.warn(
                "A part of the index of space {} cannot be used; what it held is read from the store: {}",
                space,
                segment.cause().getMessage());
    }

    /** A new index where there is none that can be used. */
    VectorIndex create(IndexEngine engine, int components, VectorSource source) throws IOException {
        IndexFiles.delete(directory); // what could be used of it was opened before
        return engine.open(directory, components, source).index();
    }

    /** True when every stored memory is to be compared with it. */
    boolean isToBeRead() {
        return state == FollowerState.CONFIRMING || state == FollowerState.BUILDING;
    }

    /** Where the journal is to be read on; empty when it says nothing here. */
    Optional<JournalPosition> replaysFrom() {
        return state == FollowerState.REPLAYING && !handedOver ? Optional.of(saved.position) : Optional.empty();
    }

    /** The journal has a change that the saved index may not have; false when it has. */
    boolean replay(JournalPosition position) {
        if (replaysFrom().isEmpty() || saved.position.compareTo(position) >= 0) {
            return false;
        }
        replayed = position;
        return true;
    }

    /** All that is to be done before it follows was handed over. */
    void handedOver() {
        handedOver = true;
    }

    /** All that was handed over is done. */
    void caughtUp() {
        on(FollowerState.Event.CAUGHT_UP);
    }

    /** A change is being written to the store, under that number of its journal. */
    void changed(long number, String id) {
        unflushed.add(number, id, journal.flushed());
    }

    /** The last change of the journal that concerns this index, as far as it is known. */
    private JournalPosition touched() {
        long last = unflushed.last();
        return last > 0 ? new JournalPosition(journal.committed().epoch(), last) : replayed;
    }

    /** What of the journal is still needed: everything behind that position; empty when nothing is. */
    Optional<JournalPosition> needs() {
        boolean behind = state == FollowerState.OPENING
                || replaysFrom().isPresent()
                || saved.isComplete && touched().compareTo(saved.position) > 0;
        return behind ? Optional.of(saved.position) : Optional.empty();
    }

    /**
     * True when the files do not say what the index is.
     *
     * @param changes of the index
     * @param unsure how many ids wait
     */
    boolean isToBeCommitted(long changes, int unsure) {
        return state != FollowerState.OPENING
                && state != FollowerState.CLOSED
                && replaysFrom().isEmpty()
                && (changes != saved.changes || saved.isComplete != isComplete(unsure) || needs().isPresent());
    }

    private boolean isComplete(int unsure) {
        return (state == FollowerState.FOLLOWING || state == FollowerState.REPLAYING) && unsure < MAX_UNSURE;
    }

    /**
     * Saves the index where it is, with what its next opening has to look up.
     *
     * @param changes of the index, at least so many as are in it
     * @param waiting gives the ids that wait to be applied, or are in hand; asked once
     * @return bytes of its files
     * @throws IOException when a file cannot be written; what was saved before is still there
     */
    long commit(VectorIndex index, long changes, Supplier<Collection<String>> waiting) throws IOException {
        JournalPosition position = journal.committed();
        List<String> ids = List.copyOf(Set.copyOf(waiting.get()));
        boolean complete = isComplete(ids.size());
        index.commit(() -> new FollowerCommit(
                        journal.identity(),
                        complete ? position : JournalPosition.START,
                        complete,
                        space,
                        complete ? ids : List.of(),
                        complete ? unflushed.after(journal.flushed()) : List.of())
                .encode());
        saved = new Saved(changes, position, complete, IndexFiles.bytes(directory));
        return saved.bytes;
    }

    /** Bytes of its files, as of when they were written or opened. */
    long savedBytes() {
        return saved.bytes;
    }

    /** True when work on the files of the index met damage. */
    boolean metDamage(VectorIndex index) {
        return index.failure().filter(DamagedIndexException.class::isInstance).isPresent();
    }

    /**
     * Reads the files of the index, and takes what is damaged out of it.
     *
     * @return true when something is: all that is stored must be compared with it
     */
    boolean dropDamaged(VectorIndex index) {
        if (state == FollowerState.OPENING || state == FollowerState.CLOSED) {
            return false;
        }
        List<DamagedSegment> damaged = index.verify();
        damaged.forEach(segment -> {
            warn(segment);
            index.drop(segment);
        });
        if (!damaged.isEmpty()) {
            on(FollowerState.Event.DAMAGED);
        }
        return !damaged.isEmpty();
    }
}
