package io.engram.app.state;

import io.engram.app.query.LocalStores;
import io.engram.index.VectorIndex;
import io.engram.topology.follow.PartitionIndex;
import io.engram.topology.follow.SpaceIndex;
import io.engram.topology.follow.StoredValues;
import io.engram.topology.format.StoredMemory;
import io.engram.topology.store.MemoryView;
import io.engram.topology.store.StoredEntries;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Bytes;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares stores, index and changelogs of the partitions that a running instance holds. They move meanwhile, so whatever
 * differs is looked at again, and only what goes on to differ counts. Thread-safe.
 */
public final class StateVerifier {
    private static final Logger LOG = LoggerFactory.getLogger(StateVerifier.class);
    /** Four times the longest interval between commits: until the next one the changelog says what was. */
    private static final int ATTEMPTS = 80;

    private static final long PAUSE_MS = 250;
    private static final int EXAMPLES = 10;
    /** Written at every tick, and neither memories nor sessions: positions, acknowledged times and the bound of generations. */
    private static final Set<Byte> MOVING = Set.of((byte) 'o', (byte) 'a', (byte) 'g');

    private final LocalStores stores;
    private final Map<String, Object> consumerSettings;
    private final UnaryOperator<String> changelogTopics;
    private final Function<PartitionIndex, List<String>> damage;

    /**
     * @param consumerSettings of a Kafka consumer that reads what is committed
     * @param changelogTopics the changelog of a store
     * @param damage reads the files of a partition's indexes, and says of which spaces something is damaged
     */
    public StateVerifier(
            LocalStores stores,
            Map<String, Object> consumerSettings,
            UnaryOperator<String> changelogTopics,
            Function<PartitionIndex, List<String>> damage) {
        this.damage = damage;
        this.stores = stores;
        this.consumerSettings = Map.copyOf(consumerSettings);
        this.changelogTopics = changelogTopics;
    }

    private record Id(String space, String id) {}

    private static final class Differences {
        final Set<Id> missing = new LinkedHashSet<>();
        final Set<Id> extra = new LinkedHashSet<>();
        final Set<Id> stale = new LinkedHashSet<>();
        long stored;
        long indexed;

        Set<Id> all() {
            Set<Id> all = new LinkedHashSet<>(missing);
            all.addAll(extra);
            all.addAll(stale);
            return all;
        }
    }

    /**
     * Compares every partition that this instance holds.
     *
     * @param repair true to have the index follow the store where they differ
     */
    public List<PartitionReport> verify(boolean repair) throws InterruptedException {
        List<PartitionReport> reports = new ArrayList<>();
        List<MemoryView> views = new ArrayList<>(stores.askEach(view -> view).values());
        for (MemoryView view : views) {
            if (view.role() == MemoryView.Role.LOADING) {
                continue; // it differs by its nature
            }
            try {
                reports.add(verify(view, repair));
            } catch (StoredValues.StoreClosedException e) {
                LOG.info("Partition {} went elsewhere while it was compared", view.partition());
            }
        }
        return reports;
    }

    private PartitionReport verify(MemoryView view, boolean repair) throws InterruptedException {
        List<String> damaged = damage.apply(view.index());
        Differences differences = compareAll(view);
        Set<Id> suspects = settled(view, differences);
        long repaired = 0;
        if (repair && !suspects.isEmpty()) {
            suspects.forEach(suspect -> view.index().sync(suspect.space(), suspect.id(), 0));
            int before = suspects.size();
            suspects = settled(view, differences);
            repaired = before - suspects.size();
        }
        List<String> examples = new ArrayList<>();
        suspects.stream().limit(EXAMPLES).forEach(id -> examples.add(id.space() + "/" + id.id()));
        long[] changelog = new long[2];
        for (StoredEntries store : List.<StoredEntries>of(view, view.sessions())) {
            long[] found = compareChangelog(view.partition(), store, examples);
            changelog[0] += found[0];
            changelog[1] += found[1];
        }
        return new PartitionReport(
                view.partition(),
                view.role().label(),
                differences.stored,
                differences.indexed,
                count(differences.missing, suspects),
                count(differences.extra, suspects),
                count(differences.stale, suspects),
                changelog[0],
                changelog[1],
                damaged.stream().limit(EXAMPLES).toList(),
                repaired,
                examples);
    }

    private static long count(Set<Id> kind, Set<Id> suspects) {
        return kind.stream().filter(suspects::contains).count();
    }

    private static Differences compareAll(MemoryView view) {
        Differences differences = new Differences();
        Map<String, Set<String>> unseen = new HashMap<>();
        for (SpaceIndex space : view.index().spaces()) {
            Set<String> ids =
                    new HashSet<>(space.vectors().map(VectorIndex::ids).orElse(Set.of()));
            differences.indexed += ids.size();
            unseen.put(space.space(), ids);
        }
        view.forEachMemory((space, id, memory) -> {
            differences.stored++;
            Optional<SpaceIndex> index = view.index().find(space);
            Optional<Set<String>> ids = Optional.ofNullable(unseen.get(space));
            if (index.isEmpty() || ids.isEmpty()) {
                return; // a small space has none, or got one just now
            }
            boolean there = ids.get().remove(id);
            if (there && !holds(index, id, memory)) {
                differences.stale.add(new Id(space, id));
            } else if (!there
                    && index.filter(known -> known.failedIds().contains(id)).isEmpty()) {
                differences.missing.add(new Id(space, id));
            }
        });
        unseen.forEach((space, ids) -> ids.forEach(id -> differences.extra.add(new Id(space, id))));
        return differences;
    }

    private static boolean holds(Optional<SpaceIndex> index, String id, StoredMemory memory) {
        return index.flatMap(SpaceIndex::vectors)
                .filter(vectors -> vectors.dimension() == memory.dimension())
                .filter(vectors -> vectors.holds(id, memory.generation(), memory.embedding()))
                .isPresent();
    }

    /** Those that still differ after some time. */
    private static Set<Id> settled(MemoryView view, Differences differences) throws InterruptedException {
        Set<Id> suspects = differences.all();
        for (int attempt = 0; attempt < ATTEMPTS && !suspects.isEmpty(); attempt++) {
            suspects.removeIf(suspect -> agrees(view, suspect));
            if (!suspects.isEmpty()) {
                Thread.sleep(PAUSE_MS);
            }
        }
        return suspects;
    }

    private static boolean agrees(MemoryView view, Id suspect) {
        Optional<SpaceIndex> index = view.index().find(suspect.space());
        Optional<StoredMemory> stored = view.memory(suspect.space(), suspect.id());
        if (stored.isPresent()) {
            return index.isEmpty()
                    || holds(index, suspect.id(), stored.get())
                    || index.filter(known -> known.failedIds().contains(suspect.id()))
                            .isPresent();
        }
        return index.flatMap(SpaceIndex::vectors)
                .filter(vectors -> vectors.ids().contains(suspect.id()))
                .isEmpty();
    }

    /** Keys of the store that the changelog has not so, and keys of the changelog that the store has not. */
    private long[] compareChangelog(int partition, StoredEntries view, List<String> examples)
            throws InterruptedException {
        TopicPartition topic = new TopicPartition(changelogTopics.apply(view.storeName()), partition);
        try (ChangelogImage changelog = new ChangelogImage(consumerSettings, topic)) {
            changelog.readToEnd((position, end) -> {});
            Set<Bytes> suspects = new LinkedHashSet<>();
            changelog.checksums().forEach((key, checksum) -> {
                if (!agrees(view, key, Optional.of(checksum))) {
                    suspects.add(key);
                }
            });
            view.forEachKey(key -> {
                if (!changelog.checksums().containsKey(key)) {
                    suspects.add(key);
                }
            });
            suspects.removeIf(key -> MOVING.contains(key.get()[0]));
            for (int attempt = 0; attempt < ATTEMPTS && !suspects.isEmpty(); attempt++) {
                Map<Bytes, Integer> before = new HashMap<>();
                suspects.forEach(
                        key -> view.raw(key.get()).ifPresent(value -> before.put(key, ChangelogImage.checksum(value))));
                Thread.sleep(PAUSE_MS);
                changelog.readToEnd((position, end) -> {});
                // A key that is written all the time agrees when the changelog says what the store said a moment ago.
                suspects.removeIf(key -> agrees(
                                view,
                                key,
                                Optional.ofNullable(changelog.checksums().get(key)))
                        || before.containsKey(key) && hasMoved(view, key, before.get(key)));
            }
            long notInStore = suspects.stream()
                    .filter(key -> view.raw(key.get()).isEmpty())
                    .count();
            suspects.stream().limit(EXAMPLES).forEach(key -> examples.add("changelog: " + key));
            return new long[] {suspects.size() - notInStore, notInStore};
        }
    }

    private static boolean hasMoved(StoredEntries view, Bytes key, int before) {
        return !view.raw(key.get()).map(ChangelogImage::checksum).equals(Optional.of(before));
    }

    private static boolean agrees(StoredEntries view, Bytes key, Optional<Integer> checksum) {
        return view.raw(key.get()).map(ChangelogImage::checksum).equals(checksum);
    }
}
