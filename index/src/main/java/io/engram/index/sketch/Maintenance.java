package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.HnswParameters;
import io.engram.index.VectorIndex;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What happens to the files of an index: open segments are sealed, sealed ones are merged, all of it is committed. Changes and
 * searches go on meanwhile, but for the moments in which segments take the place of others. Thread-safe.
 *
 * <pre>
 * seal     full segment → file on the disk → takes the segment's place with what has died meanwhile
 * merge    several sealed → file on the disk → takes their place with what has died meanwhile
 * commit   full segments are sealed, the open ones copied with their links while changes wait → their files → manifest →
 *          files that neither the manifest nor the index needs are deleted
 * </pre>
 */
final class Maintenance {
    private final IndexDirectory directory;
    private final Parts parts;
    private final MergePolicy policy;
    private final int dimension;
    private final HnswParameters parameters;
    private final ScratchPool scratches;
    private final IdHash hash;
    // One at a time each; a merge takes the second for the moment in which its result takes over.
    private final ReentrantLock merging = new ReentrantLock();
    private final ReentrantLock filing = new ReentrantLock();
    // Those that a commit may have to delete; while filing.
    private final Set<Long> files = new HashSet<>();
    private final Set<Long> damaged = ConcurrentHashMap.newKeySet();
    // None when nothing was committed yet, or the last commit failed.
    private Optional<Manifest> committed;
    private volatile boolean closed;

    /** @param committed what the directory holds */
    Maintenance(
            IndexDirectory directory,
            Optional<Manifest> committed,
            Parts parts,
            MergePolicy policy,
            int dimension,
            HnswParameters parameters,
            ScratchPool scratches,
            IdHash hash) {
        this.directory = directory;
        this.committed = committed;
        this.parts = parts;
        this.policy = policy;
        this.dimension = dimension;
        this.parameters = parameters;
        this.scratches = scratches;
        this.hash = hash;
        committed.ifPresent(manifest -> manifest.parts().forEach(part -> files.add(part.number())));
    }

    private SegmentWriter.Shape shape(int kind) {
        return new SegmentWriter.Shape(
                kind, dimension, parameters, scratches.rotation().words(), hash);
    }

    private SealedSegment write(int kind, SegmentWriter.Entries entries, Optional<HammingGraph.Saved> graph)
            throws IOException {
        long number = directory.nextNumber();
        directory.write(number, shape(kind), entries, graph);
        return SealedSegment.open(directory.segment(number), number, dimension, scratches.rotation(), parameters);
    }

    /**
     * Gives every open segment to which nothing is appended any more a file.
     *
     * @throws IOException when one cannot be written; its entries stay where they are
     */
    void sealFull() throws IOException {
        filing.lock();
        try {
            for (OpenPart part : parts.view().open()) {
                if (part.segment().isSealed() && !closed) {
                    seal(part.segment());
                }
            }
        } finally {
            filing.unlock();
        }
    }

    private void seal(OpenSegment full) throws IOException {
        OpenSegment.Saved saved = full.save();
        Optional<SealedSegment> sealed = full.dead() == full.size()
                ? Optional.empty()
                : Optional.of(write(SegmentHeader.SEALED, saved, saved.graph()));
        sealed.ifPresent(segment -> files.add(segment.number()));
        parts.exclusively(view -> {
            sealed.ifPresent(segment -> {
                for (int ordinal = 0; ordinal < full.size(); ordinal++) {
                    if (!full.isLive(ordinal)) {
                        segment.kill(ordinal);
                    }
                }
            });
            return view.replaced(List.of(full), sealed);
        });
    }

    /** Ends such open segments. */
    void endOpen(Predicate<OpenSegment> which) {
        for (OpenSegment segment : parts.view().openSegments()) {
            segment.lock().lock();
            try {
                if (which.test(segment)) {
                    segment.seal();
                }
            } finally {
                segment.lock().unlock();
            }
        }
    }

    /**
     * Merges once, if there is something to merge.
     *
     * @return false when there was nothing
     * @throws DamagedIndexException when the file of a source is damaged; it is not merged again
     * @throws IOException when the result cannot be written
     */
    boolean merge() throws IOException {
        merging.lock();
        try {
            List<SealedSegment> sources = closed ? List.of() : sources();
            if (sources.isEmpty()) {
                return false;
            }
            SegmentMerge merge = SegmentMerge.of(sources, dimension, scratches.rotation(), parameters);
            if (merge.size() == 0) {
                replace(sources, Optional.empty());
                return true;
            }
            Scratch scratch = scratches.borrow();
            Optional<HammingGraph.Saved> graph;
            try {
                graph = merge.graph(scratch, this::isOverAfterSeals);
            } finally {
                scratches.back(scratch);
            }
            if (closed) {
                return false;
            }
            SealedSegment merged = write(SegmentHeader.SEALED, merge, graph);
            replace(sources, Optional.of(new Merged(merge, merged)));
            return true;
        } catch (DamagedIndexException e) {
            parts.view().sealed().stream()
                    .filter(segment -> segment.file().equals(e.file()))
                    .forEach(segment -> damaged.add(segment.number()));
            throw e;
        } finally {
            merging.unlock();
        }
    }

    /** A merge takes long; what fills up meanwhile does not wait for its end. True when the index was closed. */
    private boolean isOverAfterSeals() {
        try {
            sealFull();
        } catch (IOException e) {
            return closed; // tried again after the merge, and by the next commit, which say why
        }
        return closed;
    }

    private record Merged(SegmentMerge merge, SealedSegment segment) {}

    /** A commit must not be between what it has looked at and its manifest. */
    private void replace(List<SealedSegment> sources, Optional<Merged> by) {
        filing.lock();
        try {
            by.ifPresent(merged -> files.add(merged.segment().number()));
            parts.exclusively(view -> {
                if (closed || !view.sealed().containsAll(sources)) {
                    return view; // dropped for its damage meanwhile
                }
                by.ifPresent(merged -> merged.merge().catchUp(merged.segment()));
                return view.replaced(sources, by.map(Merged::segment));
            });
        } finally {
            filing.unlock();
        }
    }

    private List<SealedSegment> sources() {
        List<SealedSegment> whole = parts.view().sealed().stream()
                .filter(segment -> !damaged.contains(segment.number()))
                .toList();
        List<MergePolicy.Candidate> candidates = whole.stream()
                .map(segment -> new MergePolicy.Candidate(
                        segment.size(), segment.dead(), segment.header().fileLength()))
                .toList();
        return policy.choose(candidates).stream().map(whole::get).toList();
    }

    /** As {@link VectorIndex#commit(Supplier)}. */
    void commit(Supplier<byte[]> userData) throws IOException {
        filing.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the index is closed");
            }
            sealFull();
            Cut cut = new Cut();
            parts.exclusively(cut::take);
            for (Cut.Open open : cut.open) {
                if (open.saved.isPresent()) {
                    OpenSegment.Saved saved = open.saved.get();
                    SealedSegment file = write(SegmentHeader.OPEN, saved, saved.graph());
                    files.add(file.number());
                    open.part.saved(file.number(), saved.size(), file.header().checksum());
                }
                cut.manifest.add(open.part.saved(open.dead, open.deadBits));
            }
            Manifest manifest = new Manifest(dimension, parameters, hash, userData.get(), cut.manifest);
            if (committed.isPresent() && committed.get().isSame(manifest)) {
                return;
            }
            committed = Optional.empty(); // should it fail, the manifest on the disk is this one or the one before
            directory.publish(manifest);
            committed = Optional.of(manifest);
            deleteObsolete(manifest);
        } finally {
            filing.unlock();
        }
    }

    /** All segments at the same moment. */
    private static final class Cut {
        private record Open(OpenPart part, Optional<OpenSegment.Saved> saved, int dead, long[] deadBits) {}

        private final List<Manifest.Part> manifest = new ArrayList<>();
        private final List<Open> open = new ArrayList<>();

        View take(View view) {
            for (SealedSegment segment : view.sealed()) {
                manifest.add(new Manifest.Part(
                        segment.number(),
                        SegmentHeader.SEALED,
                        segment.size(),
                        segment.header().checksum(),
                        segment.dead(),
                        segment.deadEntries().copy()));
            }
            for (OpenPart part : view.open()) {
                if (part.segment().size() > 0) {
                    open.add(new Open(
                            part,
                            part.isSaved()
                                    ? Optional.empty()
                                    : Optional.of(part.segment().save()),
                            part.segment().dead(),
                            part.segment().deadBits()));
                }
            }
            return view;
        }
    }

    /** The commit stands whether or not they can be deleted; those that cannot are tried again by the next. */
    private void deleteObsolete(Manifest manifest) {
        Set<Long> needed = new HashSet<>();
        manifest.parts().forEach(part -> needed.add(part.number()));
        parts.view().sealed().forEach(segment -> needed.add(segment.number()));
        for (long number : List.copyOf(files)) {
            if (!needed.contains(number)) {
                try {
                    directory.delete(List.of(number));
                    files.remove(number);
                } catch (IOException e) {
                    return;
                }
            }
        }
    }

    /** Reads all files; what is damaged stays in the index until it is dropped. */
    List<DamagedSegment> verify() {
        List<DamagedSegment> found = new ArrayList<>();
        for (SealedSegment segment : parts.view().sealed()) {
            try {
                segment.verify();
            } catch (DamagedIndexException e) {
                damaged.add(segment.number());
                found.add(new DamagedSegment(segment.file(), segment.size(), e));
            }
        }
        found.addAll(verifyOpen());
        return found;
    }

    /** The files that the next opening reads into the heap. What is damaged is written anew by the next commit. */
    private List<DamagedSegment> verifyOpen() {
        List<DamagedSegment> found = new ArrayList<>();
        filing.lock();
        try {
            for (OpenPart part : closed ? List.<OpenPart>of() : parts.view().open()) {
                if (part.savedNumber().isPresent()) {
                    verifySaved(part, part.savedNumber().getAsLong()).ifPresent(found::add);
                }
            }
        } finally {
            filing.unlock();
        }
        return found;
    }

    private Optional<DamagedSegment> verifySaved(OpenPart part, long number) {
        Path file = directory.segment(number);
        try {
            SealedSegment.open(file, number, dimension, scratches.rotation(), parameters)
                    .verify();
            return Optional.empty();
        } catch (DamagedIndexException e) {
            part.forgetFile();
            return Optional.of(new DamagedSegment(file, part.segment().size(), e));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes a damaged segment out of the index. */
    void drop(DamagedSegment gone) {
        filing.lock();
        try {
            parts.exclusively(view -> view.replaced(
                    view.sealed().stream()
                            .filter(segment -> segment.file().equals(gone.file()))
                            .toList(),
                    Optional.empty()));
        } finally {
            filing.unlock();
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** Ends what is running, takes all segments away, and lets others open the directory. */
    void close() {
        closed = true;
        merging.lock();
        filing.lock();
        try {
            parts.exclusively(view -> View.EMPTY);
            directory.close();
        } finally {
            filing.unlock();
            merging.unlock();
        }
    }
}
