package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.app.faults.Server;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An instance is ready when a recall that is sent to it is answered, by it or by another. */
class ReadinessIT {
    private static final int MEMORIES = 20;
    private static final String RECALL = "{\"vector\":[1,0],\"k\":1}";

    @TempDir
    Path stateDir;

    private static void remember(Instance instance) {
        for (int i = 0; i < MEMORIES; i++) {
            instance.send(
                    Lane.HIGH,
                    "space",
                    Observation.observe("s", i + 1, "c", new float[] {1, i}).withId("m" + i));
        }
        instance.flush();
        instance.awaitMemories(MEMORIES);
    }

    /** One that has no partition is ready as long as it can ask another; when that leaves, once it serves itself. */
    @Test
    void shouldBeReadyWithoutAPartitionWhileAnotherServes() throws Exception {
        Instance one =
                Instance.start("ready-of-two", stateDir.resolve("1"), "partitions=1", "http.port=" + Server.freePort());
        try (Instance two = Instance.start(
                "ready-of-two", stateDir.resolve("2"), "partitions=1", "http.port=" + Server.freePort())) {
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> two.get("/readyz").statusCode() == 200
                            && one.get("/readyz").statusCode() == 200);
            remember(one.sumOf("engram_partitions", "active") == 1 ? one : two);
            assertThat(one.sumOf("engram_partitions", "active") + two.sumOf("engram_partitions", "active"))
                    .isEqualTo(1);
            for (Instance each : List.of(one, two)) {
                assertThat(each.get("/readyz").statusCode()).isEqualTo(200);
                assertThat(each.recallIds("space", RECALL)).containsExactly("m0");
            }

            one.close();

            await().atMost(Duration.ofSeconds(90))
                    .until(() -> two.sumOf("engram_partitions", "active") == 1
                            && two.get("/readyz").statusCode() == 200);
            assertThat(two.recallIds("space", RECALL)).containsExactly("m0");
        } finally {
            one.close();
        }
    }
}
