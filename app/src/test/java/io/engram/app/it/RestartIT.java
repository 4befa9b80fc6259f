package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is there after a stop, and what a standby holds. */
class RestartIT {
    private static final int COUNT = 400;

    private static Observation observation(int i) {
        return Observation.observe("s", i, "memory " + i, new float[] {1, i, i % 7})
                .withId("m" + i);
    }

    private static void send(Instance instance) {
        for (int i = 1; i <= COUNT; i++) {
            instance.send(Lane.NORMAL, "kept", observation(i));
        }
        instance.send(Lane.NORMAL, "kept", Observation.forget("s", COUNT + 1, "m7"));
        instance.send(Lane.NORMAL, "gone", Observation.observe("s", 1, "x", new float[] {1, 2}));
        instance.send(Lane.NORMAL, "gone", Observation.of(Operation.DROP, "s", 2));
        instance.flush();
        instance.awaitMemories(COUNT - 1);
    }

    private static void assertKept(Instance instance) {
        instance.awaitMemories(COUNT - 1);
        assertThat(instance.recallIds("kept", "{\"vector\":[1,9,2],\"k\":1}")).containsExactly("m9");
        assertThat(instance.isRemembered("kept", "m7")).isFalse();
        assertThat(instance.post("/v1/spaces/gone/recall", "{\"vector\":[1,2]}").statusCode())
                .isEqualTo(404);
        // Sessions go on, and know what was sent before.
        instance.send(Lane.NORMAL, "kept", observation(12));
        instance.send(Lane.NORMAL, "kept", Observation.observe("s", COUNT + 2, "after", new float[] {0, 0, 1}));
        instance.flush();
        instance.awaitMemories(COUNT);
        await().atMost(Duration.ofSeconds(10))
                .until(() -> instance.sumOf("engram_streaming_observations_rejected_total", "kept", "duplicate") == 1);
        assertThat(instance.sumOf("engram_streaming_observations_rejected_total"))
                .isEqualTo(1);
    }

    @Test
    void shouldKeepEverythingOverACleanRestart(@TempDir Path stateDir) throws InterruptedException {
        try (Instance instance = Instance.start("restart", stateDir)) {
            send(instance);
        }
        try (Instance instance = Instance.start("restart", stateDir)) {
            assertKept(instance);
        }
    }

    @Test
    void shouldRebuildFromTheChangelogWhenLocalStateIsGone(@TempDir Path before, @TempDir Path after)
            throws InterruptedException {
        try (Instance instance = Instance.start("rebuild", before)) {
            send(instance);
        }
        try (Instance instance = Instance.start("rebuild", after)) {
            assertKept(instance);
        }
    }

    @Test
    void shouldBuildTheIndexOnAStandbyAndTakeOver(@TempDir Path first, @TempDir Path second)
            throws InterruptedException {
        String[] settings = {"partitions=1", "standby.replicas=1"};
        Instance active = Instance.start("standby", first, settings);
        try (Instance standby = Instance.start("standby", second, settings)) {
            send(active);
            // One has the task, the other its standby: both have the whole index.
            standby.awaitMemories(COUNT - 1);
            active.close();
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> standby.get("/readyz").statusCode() == 200
                            && standby.get("/v1/spaces").statusCode() == 200);
            assertKept(standby);
        } finally {
            active.close();
        }
    }
}
