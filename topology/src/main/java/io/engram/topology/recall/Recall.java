package io.engram.topology.recall;

import io.engram.index.EntryFilter;
import io.engram.index.Hit;
import io.engram.index.SearchRequest;
import io.engram.index.VectorIndex;
import io.engram.index.Vectors;
import io.engram.schemas.Lane;
import io.engram.topology.indexing.LaneProgress;
import io.engram.topology.indexing.PartitionIndex;
import io.engram.topology.indexing.SpaceIndex;
import io.engram.topology.indexing.StoredValues;
import io.engram.topology.recall.RecallOutcome.Recalled;
import io.engram.topology.store.LanePositions;
import io.engram.topology.store.MemoryView;
import io.engram.topology.store.SpaceRecord;
import io.engram.topology.store.StoredMemory;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

    private final MemoryView view;
    private final RecallRequest request;
    private final long maxGeneration;

    private Recall(MemoryView view, RecallRequest request) {
        this.view = view;
        this.request = request;
        // A standby is told of nothing that is not committed.
        this.maxGeneration = view.lanes().isEmpty()
                ? Long.MAX_VALUE
                : request.committed()
                        .map(view.commitPoints()::committedGeneration)
                        .orElse(Long.MAX_VALUE);
    }

    /** Answers a request from one partition, in the calling thread. Thread-safe. */
    public static RecallOutcome from(MemoryView view, RecallRequest request) {
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
        Recall recall = new Recall(view, request);
        PartitionIndex index = view.index();
        List<Recalled> memories = recall.search();
        if (index.isClosed()) {
            // What it did not find it may just have lost.
            throw new StoredValues.StoreClosedException(index.task());
        }
        for (Recalled found : memories) {
            newest = Math.max(newest, found.memory().generation());
        }
        return new RecallOutcome.Found(memories, Math.min(newest, recall.maxGeneration), offsets);
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
        Optional<SpaceIndex> index = view.index().find(request.space());
        if (index.isEmpty()) {
            return List.of();
        }
        Map<String, Recalled> found = new LinkedHashMap<>();
        // What the index refused is compared one by one.
        for (String id : Set.copyOf(index.get().failedIds())) {
            read(id).ifPresent(memory -> found.put(id, memory));
        }
        index.get().vectors().ifPresent(vectors -> searchIndex(vectors, found));
        return found.values().stream()
                .filter(memory -> memory.similarity() >= request.minSimilarity())
                .sorted(BEST_FIRST)
                .limit(request.k())
                .toList();
    }

    private void searchIndex(VectorIndex vectors, Map<String, Recalled> found) {
        EntryFilter filter = request.filter().admitsAll() ? EntryFilter.ALL : this::passes;
        int wanted = request.k();
        for (int attempt = 0; attempt <= MAX_WIDENINGS; attempt++) {
            List<Hit> hits = vectors.search(
                    new SearchRequest(request.vector(), wanted, request.accuracy(), filter, maxGeneration));
            int gone = 0;
            for (Hit hit : hits) {
                Optional<Recalled> memory = read(hit.id());
                if (memory.isPresent()) {
                    found.put(hit.id(), memory.get());
                } else {
                    gone++;
                }
            }
            if (gone == 0 || hits.size() < wanted) {
                return;
            }
            wanted += 2 * gone;
        }
    }

    private boolean passes(String id) {
        return view.memory(request.space(), id)
                .filter(memory -> request.filter().admits(memory.metadata()))
                .isPresent();
    }

    private Optional<Recalled> read(String id) {
        return view.memory(request.space(), id)
                .filter(memory -> memory.dimension() == request.vector().length)
                .filter(memory -> memory.generation() <= maxGeneration)
                .filter(memory ->
                        request.filter().admitsAll() || request.filter().admits(memory.metadata()))
                .map(memory -> new Recalled(id, similarity(memory), memory));
    }

    private float similarity(StoredMemory memory) {
        return Vectors.cosine(request.vector(), memory.embedding());
    }
}
