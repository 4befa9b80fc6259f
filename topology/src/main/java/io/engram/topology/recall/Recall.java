package io.engram.topology.recall;

import io.engram.index.EntryFilter;
import io.engram.index.ExactCosine;
import io.engram.index.Hit;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.VectorSource;
import io.engram.schemas.Lane;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SpaceIndex;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.SpaceRecord;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.progress.LanePositions;
import io.engram.topology.progress.LaneProgress;
import io.engram.topology.recall.RecallOutcome.Recalled;
import io.engram.topology.store.MemoryView;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;

/**
 * Recalls from one partition: the index proposes ids, the store has the last word. What was forgotten or replaced since
 * it was indexed is read as it is now, and similarities are computed exactly from the stored embeddings.
 */
public final class Recall {
    private static final Comparator<Recalled> BEST_FIRST =
            Comparator.comparingDouble((Recalled found) -> -found.similarity()).thenComparing(Recalled::id);

    /** How often a search is widened to make up for hits that turned out to be gone. */
    private static final int MAX_WIDENINGS = 3;

    /** Of memories that the search has read; of more, those that it read last are kept, for it comes nearer and nearer. */
    private static final long PASSED_BYTES = 1 << 20;

    private final MemoryView view;
    private final RecallRequest request;
    private final SpaceRecord space;
    private final Effort effort;
    private final ExactCosine cosine;
    private final long maxGeneration;
    // What the search has read and the filter lets through, by id: the hits are among it, and are not read a second
    // time.
    private final Map<String, StoredMemory> passed = new LinkedHashMap<>();
    private long passedBytes;
    private long held;

    private Recall(MemoryView view, RecallRequest request, SpaceRecord space, Effort effort) {
        this.view = view;
        this.request = request;
        this.space = space;
        this.effort = effort;
        this.cosine = new ExactCosine(request.vector());
        // A standby is told of nothing that is not committed.
        this.maxGeneration = view.lanes().isEmpty()
                ? Long.MAX_VALUE
                : request.committed()
                        .map(view.commitPoints()::committedGeneration)
                        .orElse(Long.MAX_VALUE);
    }

    /** Answers a request from one partition, in the calling thread, whatever it takes. Thread-safe. */
    public static RecallOutcome from(MemoryView view, RecallRequest request) {
        return from(view, request, Effort.unlimited());
    }

    /** Answers a request from one partition, in the calling thread. Thread-safe. */
    public static RecallOutcome from(MemoryView view, RecallRequest request, Effort effort) {
        SpaceRecord space = view.space(request.space());
        if (!space.exists()) {
            return new RecallOutcome.UnknownSpace(request.space());
        }
        if (space.dimension() != request.vector().length) {
            return new RecallOutcome.WrongDimension(space.dimension(), request.vector().length);
        }
        // Read before the search: what it says must be visible in the results.
        Map<String, Long> offsets = indexedOffsets(view);
        long newest = view.index().newestGeneration();
        Recall recall = new Recall(view, request, space, effort);
        PartitionIndex index = view.index();
        List<Recalled> memories = recall.search();
        if (index.isClosed()) {
            // The index may have been released during the search: what it did not find may be there.
            throw new StoredValues.StoreClosedException(index.task());
        }
        for (Recalled found : memories) {
            newest = Math.max(newest, found.generation());
        }
        return new RecallOutcome.Found(memories, Math.min(newest, recall.maxGeneration), offsets, !effort.isOver());
    }

    /**
     * Reads a memory that was found and not held. One that was replaced meanwhile is compared anew.
     *
     * @param request by which it was found
     * @return empty when it is gone, or does not fit the request any more
     */
    public static Optional<Recalled> read(MemoryView view, RecallRequest request, String id) {
        return new Recall(view, request, view.space(request.space()), Effort.unlimited())
                .read(id)
                .filter(now -> now.similarity() >= request.minSimilarity());
    }

    /** Up to which source offset each lane of the partition is indexed, by {@code lane-partition}. */
    public static Map<String, Long> indexedOffsets(MemoryView view) {
        Map<String, Long> offsets = new TreeMap<>();
        if (view.lanes().isEmpty()) {
            LanePositions positions = view.index().indexedTo();
            Lane.ALL.forEach(lane -> offsets.put(lane.label() + "-" + view.partition(), positions.of(lane)));
        }
        for (Map.Entry<Lane, LaneProgress> lane : view.lanes().entrySet()) {
            offsets.put(
                    lane.getKey().label() + "-" + view.partition(),
                    lane.getValue().indexedOffset());
        }
        return offsets;
    }

    private List<Recalled> search() {
        Map<String, Recalled> found = new LinkedHashMap<>();
        Optional<SpaceIndex> index = view.index().searchable(request.space());
        if (index.isPresent()) {
            index.get().vectors().ifPresent(vectors -> searchIndex(vectors, found));
            compareRefused(index.get(), found);
        } else {
            compareAll(found);
        }
        return found.values().stream()
                .filter(memory -> memory.similarity() >= request.minSimilarity())
                .sorted(BEST_FIRST)
                .limit(request.k())
                .toList();
    }

    /** The space has no index, or one that is being built: everything that is stored of it is compared. */
    private void compareAll(Map<String, Recalled> found) {
        PriorityQueue<Recalled> best = new PriorityQueue<>(BEST_FIRST.reversed());
        float[] scratch = new float[request.vector().length];
        view.scan(request.space(), space, (id, memory) -> {
            if (effort.isOver()) {
                return false;
            }
            if (fits(memory)) {
                memory.embedding(scratch);
                float similarity = cosine.similarity(scratch);
                // Most are no better than the best k: nothing is held of those.
                if (best.size() < request.k() || similarity >= best.element().similarity()) {
                    keep(best, recalled(id, memory, similarity));
                }
            }
            return true;
        });
        best.forEach(memory -> found.put(memory.id(), memory));
    }

    /** What the index refused is compared one by one; the best of it are kept. */
    private void compareRefused(SpaceIndex index, Map<String, Recalled> found) {
        PriorityQueue<Recalled> best = new PriorityQueue<>(BEST_FIRST.reversed());
        for (String id : index.failedIds()) {
            if (effort.isOver()) {
                break;
            }
            read(id).ifPresent(now -> keep(best, now));
        }
        best.forEach(memory -> found.put(memory.id(), memory));
    }

    private void keep(PriorityQueue<Recalled> best, Recalled found) {
        best.add(found);
        if (best.size() > request.k()) {
            best.poll().memory().ifPresent(memory -> held -= memory.sizeBytes());
        }
    }

    private void searchIndex(VectorIndex vectors, Map<String, Recalled> found) {
        EntryFilter filter = request.filter().admitsAll() ? EntryFilter.ALL : this::passes;
        Optional<VectorSource> originals = Optional.of(this::original);
        int wanted = request.k();
        for (int attempt = 0; attempt <= MAX_WIDENINGS; attempt++) {
            List<Hit> hits = vectors.search(new SearchRequest(
                    request.vector(), wanted, request.accuracy(), filter, maxGeneration, originals, effort::isOver));
            int gone = 0;
            for (Hit hit : hits) {
                if (effort.isLate()) {
                    return;
                }
                if (found.containsKey(hit.id())) {
                    continue;
                }
                Optional<Recalled> memory = hit(hit.id());
                if (memory.isPresent()) {
                    found.put(hit.id(), memory.get());
                } else {
                    gone++;
                }
            }
            if (gone == 0 || hits.size() < wanted || effort.isOver()) {
                return;
            }
            wanted += 2 * gone;
        }
    }

    /** Nothing passes once the time is up: the search goes through the rest without reading it. */
    private boolean passes(String id) {
        if (effort.isOver()) {
            return false;
        }
        Optional<StoredMemory> admitted = view.memory(request.space(), space, id)
                .filter(memory -> request.filter().admits(memory.metadata()));
        admitted.ifPresent(memory -> pass(id, memory));
        return admitted.isPresent();
    }

    /** The vector of a memory that the search compares exactly, read with all of it. */
    private Optional<float[]> original(String id, long generation) {
        return Optional.ofNullable(passed.get(id))
                .or(() -> {
                    Optional<StoredMemory> read = view.memory(request.space(), space, id);
                    read.filter(this::fits).ifPresent(memory -> pass(id, memory));
                    return read;
                })
                .filter(memory -> memory.generation() == generation)
                .map(StoredMemory::embedding);
    }

    private void pass(String id, StoredMemory memory) {
        Optional.ofNullable(passed.put(id, memory)).ifPresent(before -> passedBytes -= before.sizeBytes());
        passedBytes += memory.sizeBytes();
        Iterator<StoredMemory> oldest = passed.values().iterator();
        while (passedBytes > PASSED_BYTES) {
            passedBytes -= oldest.next().sizeBytes();
            oldest.remove();
        }
    }

    /** As the search read it, else as it is now. */
    private Optional<Recalled> hit(String id) {
        return Optional.ofNullable(passed.get(id))
                .filter(this::isComparable)
                .map(memory -> compared(id, memory))
                .or(() -> read(id));
    }

    private Optional<Recalled> read(String id) {
        return view.memory(request.space(), space, id).filter(this::fits).map(memory -> compared(id, memory));
    }

    private Recalled compared(String id, StoredMemory memory) {
        return recalled(id, memory, cosine.similarity(memory.embedding()));
    }

    private boolean fits(StoredMemory memory) {
        return isComparable(memory)
                && (request.filter().admitsAll() || request.filter().admits(memory.metadata()));
    }

    private boolean isComparable(StoredMemory memory) {
        return memory.dimension() == cosine.dimension() && memory.generation() <= maxGeneration;
    }

    private Recalled recalled(String id, StoredMemory memory, float similarity) {
        return new Recalled(id, similarity, memory.generation(), hold(memory));
    }

    /** The memory while there is room for it. */
    private Optional<StoredMemory> hold(StoredMemory memory) {
        if (memory.sizeBytes() > effort.heldBytes() - held) {
            return Optional.empty();
        }
        held += memory.sizeBytes();
        return Optional.of(memory);
    }
}
