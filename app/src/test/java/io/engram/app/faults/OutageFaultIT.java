package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.engram.schemas.Lane;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** After an outage there is more in the lane than it may hold: what is fresh comes first, the rest drains behind it. */
@Tag("alone")
class OutageFaultIT {
    private static final int DIMENSION = 64;
    private static final int CAPACITY = FaultSettings.scaled(1_000, 10_000);
    private static final int QUEUED = FaultSettings.scaled(4_000, 30_000);
    private static final int SETTLE_SECONDS = FaultSettings.scaled(8, 30);
    private static final List<String> SPACES = List.of("agents", "notes");

    private final List<Server> servers = new ArrayList<>();

    @TempDir
    Path directory;

    @AfterEach
    void stop() {
        servers.forEach(Server::close);
    }

    private static String space(int i) {
        return SPACES.get(i % SPACES.size());
    }

    @Test
    void shouldTakeFreshObservationsFirstAndTheBacklogBehindThem() throws Exception {
        int kafkaPort = Server.freePort();
        Server broker = Server.broker(directory.resolve("broker"), kafkaPort);
        servers.add(broker);
        broker.awaitReady();
        Server instance = Server.instance(
                directory.resolve("instance"),
                kafkaPort,
                Server.freePort(),
                "partitions=2",
                "shutdown.drain.ms=0",
                "queue.capacity.normal=" + CAPACITY);
        servers.add(instance);
        instance.awaitReady();
        instance.stop();

        try (Loader loader = new Loader(kafkaPort, DIMENSION)) {
            for (int i = 0; i < QUEUED; i++) {
                loader.observe(space(i), Lane.NORMAL, "session-" + i / SPACES.size() % 2, "m" + i, "queued");
            }
            loader.flush();
            instance.start();
            instance.awaitReady();
            long ready = System.nanoTime();
            // Both may be shed themselves: their time counts, not their turn.
            int replaced = QUEUED - 10;
            int forgotten = QUEUED - 20;
            loader.observe(space(replaced), Lane.NORMAL, "later", "m" + replaced, "replaced");
            loader.forget(space(forgotten), Lane.NORMAL, "later", "m" + forgotten);
            loader.flush();
            Thread.sleep(SETTLE_SECONDS * 1_000L);

            List<Double> freshMs = new ArrayList<>();
            long atFirst = instance.memories();
            long backlog = QUEUED - atFirst;
            for (int i = 0; i < 10; i++) {
                freshMs.add(observeFresh(loader, instance, i));
                Thread.sleep(200);
            }
            long fresh = freshMs.size();
            await().atMost(Duration.ofMinutes(5))
                    .pollInterval(Duration.ofMillis(250))
                    .untilAsserted(() -> assertThat(instance.memories()).isEqualTo(QUEUED - 1 + fresh));
            double seconds = (System.nanoTime() - ready) / 1e9;
            FaultSettings.report(
                    "outage: capacity %,d, %,d queued; %d s after ready %,d were still outside; fresh ones recallable in"
                            + " %.0f ms (slowest of 10); all in after %.0f s",
                    CAPACITY,
                    QUEUED,
                    SETTLE_SECONDS,
                    backlog,
                    freshMs.stream().mapToDouble(Double::doubleValue).max().orElse(0),
                    seconds);
            assertThat(instance.json("/v1/spaces/" + space(replaced) + "/memories/m" + replaced)
                            .path("content")
                            .asText())
                    .isEqualTo("replaced");
            assertThat(instance.get("/v1/spaces/" + space(forgotten) + "/memories/m" + forgotten)
                            .statusCode())
                    .isEqualTo(404);
            for (int i = 0; i < QUEUED; i += QUEUED / 200) {
                if (i != forgotten) {
                    assertThat(instance.get("/v1/spaces/" + space(i) + "/memories/m" + i)
                                    .statusCode())
                            .as("m" + i)
                            .isEqualTo(200);
                }
            }
            for (String space : SPACES) {
                for (int session = 0; session < 2; session++) {
                    String path = "/v1/sessions/" + space + "/normal/session-" + session;
                    await().atMost(Duration.ofSeconds(20))
                            .untilAsserted(() -> assertThat(instance.json(path).path("open_ranges"))
                                    .isEmpty());
                }
            }
            if (FaultSettings.isLong()) {
                assertThat(freshMs).allMatch(ms -> ms < 2_000);
            }
        }
    }

    /** Milliseconds until it can be recalled. */
    private static double observeFresh(Loader loader, Server instance, int i) throws Exception {
        long start = System.nanoTime();
        loader.observe(space(i), Lane.NORMAL, "fresh", "fresh-" + i, "fresh");
        loader.flush();
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(5))
                .until(() -> instance.get("/v1/spaces/" + space(i) + "/memories/fresh-" + i)
                                .statusCode()
                        == 200);
        return (System.nanoTime() - start) / 1e6;
    }
}
