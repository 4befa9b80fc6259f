package io.engram.app.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Topics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Under load, killed again and again at random moments: at the end nothing is lost, doubled or made up. */
@Tag("alone")
class CrashLoopFaultIT {
    private static final int SPACES = 3;
    private static final int PER_SECOND = FaultSettings.scaled(800, 1_600);
    private static final int SECONDS = FaultSettings.scaled(16, 130);
    private static final int FAULTS = FaultSettings.scaled(3, 10);

    private final Random random = new Random();
    private final List<Server> servers = new ArrayList<>();

    @TempDir
    Path directory;

    private int kafkaPort;

    @AfterEach
    void stop() {
        servers.forEach(Server::close);
    }

    /** A broker and so many instances. */
    private void start(int instances) throws Exception {
        kafkaPort = Server.freePort();
        servers.add(Server.broker(directory.resolve("broker"), kafkaPort));
        servers.get(0).awaitReady();
        for (int i = 0; i < instances; i++) {
            servers.add(Server.instance(
                    directory.resolve("instance-" + i),
                    kafkaPort,
                    Server.freePort(),
                    "partitions=4",
                    "snapshot.interval.ms=2000",
                    // Some of what waits while something is down is shed, and comes again.
                    "queue.capacity=" + FaultSettings.scaled(16_000, 64_000),
                    "shutdown.drain.ms=0"));
        }
        for (int i = 1; i <= instances; i++) {
            servers.get(i).awaitReady();
        }
    }

    private interface Fault {
        void happen(int number) throws Exception;
    }

    private void run(String name, Fault fault) throws Exception {
        String bootstrap = "127.0.0.1:" + kafkaPort;
        long start = System.nanoTime();
        try (Workload load = new Workload(bootstrap, new Topics("engram"), SPACES, PER_SECOND)) {
            load.start();
            for (int i = 0; i < FAULTS; i++) {
                Thread.sleep(SECONDS * 500L / FAULTS + random.nextInt(SECONDS * 1_000 / FAULTS));
                fault.happen(i);
            }
            long left = SECONDS * 1_000L - (System.nanoTime() - start) / 1_000_000;
            Thread.sleep(Math.max(1_000, left));
            load.finish();
            long offered = (System.nanoTime() - start) / 1_000_000;
            servers.get(servers.size() - 1).awaitReady();
            Checker.Verdict verdict = new Checker(bootstrap, "engram", servers.get(servers.size() - 1)).check();
            assertThat(verdict.records()).isEqualTo(load.produced());
            FaultSettings.report(
                    "crash loop, %s: %d faults in %.0f s, %,d records (%,.0f/s), %,d accepted, %,d duplicates, %,d shed and redelivered,"
                            + " %,d live: nothing lost, nothing doubled",
                    name,
                    FAULTS,
                    offered / 1e3,
                    verdict.records(),
                    verdict.records() * 1e3 / offered,
                    verdict.accepted(),
                    verdict.duplicates(),
                    verdict.shed(),
                    verdict.live());
        } catch (Exception | AssertionError e) {
            for (int i = 0; i < servers.size(); i++) {
                servers.get(i).keepLog(name.replace(' ', '-') + "-" + i);
            }
            throw e;
        }
    }

    @Test
    void shouldLoseNothingWhenTheInstanceIsKilled() throws Exception {
        start(1);
        run("one instance", number -> {
            servers.get(1).kill();
            servers.get(1).start();
        });
    }

    @Test
    void shouldLoseNothingWhenEverythingIsKilledInTurn() throws Exception {
        start(2);
        run("instances, broker and a frozen instance in turn", number -> {
            switch (number % 3) {
                case 0 -> {
                    servers.get(1).kill();
                    servers.get(1).start();
                }
                case 1 -> {
                    servers.get(0).kill();
                    servers.get(0).start();
                }
                default -> freeze(servers.get(2));
            }
        });
    }

    @Test
    @EnabledIfSystemProperty(named = "engram.faults.long", matches = "true")
    void shouldLoseNothingWhenTwoInstancesAreKilledAlternately() throws Exception {
        start(2);
        run("two instances alternately", number -> {
            Server victim = servers.get(1 + number % 2);
            victim.kill();
            victim.start();
        });
    }

    @Test
    @EnabledIfSystemProperty(named = "engram.faults.long", matches = "true")
    void shouldLoseNothingWhenTheBrokerIsKilled() throws Exception {
        start(1);
        run("broker", number -> {
            servers.get(0).kill();
            servers.get(0).start();
        });
    }

    @Test
    @EnabledIfSystemProperty(named = "engram.faults.long", matches = "true")
    void shouldFenceAnInstanceThatWasFrozen() throws Exception {
        start(2);
        run("frozen for 10 s", number -> {
            if (number % 3 == 0) {
                freeze(servers.get(1 + number / 3 % 2));
            }
        });
    }

    /** Longer than the group waits: its tasks go elsewhere, and what it still wants to write is refused. */
    private static void freeze(Server server) throws Exception {
        server.freeze();
        Thread.sleep(10_000);
        server.thaw();
    }
}
