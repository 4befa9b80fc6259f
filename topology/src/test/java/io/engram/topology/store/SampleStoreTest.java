package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Metadata;
import io.engram.schemas.Observation;
import io.engram.topology.TestEngines;
import io.engram.topology.format.StoreKeys;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.recall.MetadataFilter;
import io.engram.topology.recall.Recall;
import io.engram.topology.recall.RecallOutcome;
import io.engram.topology.recall.RecallRequest;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleStoreTest {
    private static final int PARTITION = 7;
    private static final int COUNT = 300;

    private final long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    private final List<Bytes> lookedUp = new CopyOnWriteArrayList<>();
    private SampleStore sample;

    @TempDir
    Path directory;

    @BeforeEach
    void open() throws InterruptedException {
        sample = new SampleStore(
                PARTITION,
                directory,
                TestEngines.create(),
                new EngramMetrics(new PrometheusRegistry(), 0),
                this::recording);
        assertThat(sample.awaitServing(deadlineNanos)).isTrue();
        sample.remember(
                "space",
                IntStream.range(0, COUNT).mapToObj(SampleStoreTest::memory).toList());
    }

    @AfterEach
    void close() {
        sample.close();
    }

    private static Observation memory(int i) {
        return Observation.observe("content " + i, new float[] {1, i})
                .withId("m" + i)
                .withMetadata(Metadata.of(Map.of("even", i % 2 == 0)));
    }

    @SuppressWarnings("unchecked") // proxies have no type parameters
    private KeyValueStore<Bytes, byte[]> recording(KeyValueStore<Bytes, byte[]> store) {
        return (KeyValueStore<Bytes, byte[]>) Proxy.newProxyInstance(
                SampleStoreTest.class.getClassLoader(),
                new Class<?>[] {KeyValueStore.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("get")) {
                        lookedUp.add((Bytes) arguments[0]);
                    }
                    try {
                        return method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private List<String> recall(MetadataFilter filter) {
        RecallRequest request = new RecallRequest("space", new float[] {1, 0}, 5, -1, filter, 100, Optional.empty());
        RecallOutcome outcome = sample.stores()
                .ask(PARTITION, view -> Recall.from(view, request))
                .orElseThrow();
        return ((RecallOutcome.Found) outcome)
                .memories().stream().map(RecallOutcome.Recalled::id).toList();
    }

    private List<Bytes> memoriesLookedUp() {
        return lookedUp.stream().filter(key -> key.get()[0] == StoreKeys.MEMORY).toList();
    }

    @Test
    void shouldBeRecalledFromWithAndWithoutAnIndex() throws InterruptedException {
        assertThat(recall(MetadataFilter.ALL)).containsExactly("m0", "m1", "m2", "m3", "m4");

        assertThat(sample.index("space", deadlineNanos).orElseThrow().size()).isEqualTo(COUNT);

        assertThat(recall(MetadataFilter.ALL)).containsExactly("m0", "m1", "m2", "m3", "m4");
    }

    @Test
    void shouldLookUpNothingButTheHits() throws InterruptedException {
        sample.index("space", deadlineNanos).orElseThrow();
        lookedUp.clear();

        assertThat(recall(MetadataFilter.ALL)).hasSize(5);

        assertThat(memoriesLookedUp()).hasSize(5).doesNotHaveDuplicates();
    }

    @Test
    void shouldLookUpNoMemoryTwiceWhenThereIsAFilter() throws InterruptedException {
        sample.index("space", deadlineNanos).orElseThrow();
        lookedUp.clear();

        MetadataFilter even = new MetadataFilter(List.of(new MetadataFilter.AnyOf("even", Set.of(true))));
        assertThat(recall(even)).containsExactly("m0", "m2", "m4", "m6", "m8");

        assertThat(memoriesLookedUp()).hasSizeGreaterThanOrEqualTo(5).doesNotHaveDuplicates();
    }
}
