package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.engram.app.errors.StartupException;
import io.engram.app.faults.Server;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk of state that is full, and has room again. */
class FullDiskIT {
    private static final String SPACE = "space";
    // With two partitions, each has some of them.
    private static final List<String> SPACES = List.of("a", "b", "c", "d", "e", "f", "g", "h");
    private static final int LAST = 100;
    private static final int DIMENSION = 1_024;
    private static final String[] SETTINGS = {
        "partitions=1", "rocksdb.write.buffer.bytes=1048576", "commit.interval.ms=200", "redelivery.enabled=false"
    };

    @TempDir
    Path directory;

    private static Observation observation(int i) {
        float[] embedding = new float[DIMENSION];
        embedding[i % DIMENSION] = 1;
        embedding[0] = i;
        return Observation.observe("s", i, "memory " + i, embedding).withId("m" + i);
    }

    private static void load(Instance instance, int from, int to) {
        for (int i = from; i <= to; i++) {
            instance.send(Lane.NORMAL, SPACE, observation(i));
        }
        instance.flush();
    }

    /** Much to store and little to index; nothing that could be compressed. */
    private static void loadLarge(Instance instance) {
        Random random = new Random(1);
        byte[] noise = new byte[12 << 10];
        for (int i = 1; i <= LAST; i++) {
            for (String space : SPACES) {
                random.nextBytes(noise);
                String content = Base64.getEncoder().encodeToString(noise);
                instance.send(
                        Lane.NORMAL,
                        space,
                        Observation.observe("s", i, content, new float[] {1, i}).withId("m" + i));
            }
        }
        instance.flush();
    }

    private static HttpResponse<String> awaitStatus(Instance instance, String path, int status) {
        return await().atMost(Duration.ofSeconds(60))
                .until(() -> instance.get(path), response -> response.statusCode() == status);
    }

    @Test
    void shouldSayThatItIsFullAndGoOnWhenThereIsRoom() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(directory, "size=48m");
                Instance instance = Instance.start("full-disk", disk.stateDir(), SETTINGS)) {
            load(instance, 1, 100);
            instance.awaitMemories(100);
            // Enough for the hundred, which may not be committed yet, and not for what comes then.
            disk.fillBut(2 << 20);
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> instance.get("/readyz").body().contains("almost full"));
            assertThat(instance.get("/readyz").statusCode()).isEqualTo(200);

            load(instance, 101, 1_500);
            await().atMost(Duration.ofSeconds(60)).until(() -> instance.sumOf("engram_stream_threads_held") == 1);
            // What was committed and flushed stays, with the offsets at which it goes on.
            Path task = disk.stateDir().resolve("full-disk").resolve("0_0");
            assertThat(task.resolve("rocksdb")).isNotEmptyDirectory();
            // Whatever room there is somebody takes as well; an attempt that has begun already ends the same.
            disk.fillBut(0);
            await().atMost(Duration.ofSeconds(60)).until(() -> instance.sumOf("engram_stream_threads_held") == 1);
            HttpResponse<String> unready = instance.get("/readyz");
            assertThat(unready.statusCode()).isEqualTo(503);
            assertThat(unready.body())
                    .contains(
                            disk.stateDir().toString(), "bytes are free", "Nothing is lost", "delete nothing below it");
            assertThat(instance.get("/livez").statusCode()).isEqualTo(200);
            assertThat(instance.sumOf("engram_state_dir_free_bytes")).isLessThan(24 << 20);
            assertThat(instance.sumOf("engram_state_dir_size_bytes")).isEqualTo(48 << 20);
            HttpResponse<String> unserved = awaitStatus(instance, "/v1/spaces/space/memories/m1", 503);
            assertThat(unserved.body()).contains(disk.stateDir().toString()).doesNotContain("elsewhere");
            HttpResponse<String> accepted = instance.post(
                    "/v1/spaces/space/observations",
                    "{\"id\":\"late\",\"content\":\"c\",\"embedding\":"
                            + Instance.MAPPER.writeValueAsString(
                                    observation(1_501).embedding()) + "}");
            assertThat(accepted.statusCode()).as(accepted.body()).isEqualTo(202);

            disk.makeRoom();
            awaitStatus(instance, "/readyz", 200);
            instance.awaitMemories(1_501);
            assertThat(List.of("m1", "m101", "m1500", "late")).allMatch(id -> instance.isRemembered(SPACE, id));
            assertThat(instance.rejected()).isEmpty();
            assertThat(instance.sumOf("engram_stream_threads_held")).isZero();
            assertThat(instance.application().isLive()).isTrue();
        }
    }

    /** They reach each other, and share two partitions. */
    private static String[] ofTwo() throws IOException {
        return Stream.concat(Stream.of(SETTINGS), Stream.of("partitions=2", "http.port=" + Server.freePort()))
                .toArray(String[]::new);
    }

    private static void assertAllRemembered(Instance instance) {
        for (String space : SPACES) {
            HttpResponse<String> last = instance.get("/v1/spaces/" + space + "/memories/m" + LAST);
            assertThat(last.statusCode()).as(last.body()).isEqualTo(200);
        }
    }

    @Test
    void shouldLeaveItsPartitionsToOthersAndPassRequestsOn() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(directory, "size=48m");
                Instance full = Instance.start("full-disk-of-two", disk.stateDir(), ofTwo());
                Instance other = Instance.start("full-disk-of-two", directory.resolve("other"), ofTwo())) {
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> full.sumOf("engram_partitions", "active") == 1
                            && other.sumOf("engram_partitions", "active") == 1);
            disk.fillBut(256 << 10);
            loadLarge(full);

            await().atMost(Duration.ofSeconds(60)).until(() -> full.sumOf("engram_stream_threads_held") == 1);
            // It may make one attempt before the others are left in peace for a minute.
            await().atMost(Duration.ofSeconds(90)).untilAsserted(() -> {
                assertThat(full.get("/readyz").statusCode()).isEqualTo(503);
                assertThat(other.get("/readyz").statusCode()).isEqualTo(200);
                assertAllRemembered(other);
                assertAllRemembered(full);
            });
            assertThat(full.get("/livez").statusCode()).isEqualTo(200);

            disk.makeRoom();
            awaitStatus(full, "/readyz", 200);
            // Not before its standby has caught up: until then it may be full again.
            assertThat(full.sumOf("engram_partitions", "loading")).isZero();
            await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
                assertAllRemembered(other);
                assertAllRemembered(full);
            });
            assertThat(full.rejected()).isEmpty();
        }
    }

    private static void assertRefused(SmallDisk disk, String reason) {
        assertThatThrownBy(() -> Instance.start("full-disk-start", disk.stateDir(), SETTINGS)
                        .close())
                .isInstanceOf(StartupException.class)
                .hasMessageContaining("state.dir " + disk.stateDir())
                .hasMessageContaining(reason)
                .hasMessageContaining("bytes are free")
                .hasMessageContaining("delete nothing below it");
    }

    @Test
    void shouldRefuseToStartWhereNothingCanBeWritten() throws Exception {
        try (SmallDisk disk = SmallDisk.mount(directory, "size=48m,nr_inodes=200")) {
            Files.createDirectories(disk.stateDir());
            disk.fillBut(0);
            assertRefused(disk, "No space left on device");
            disk.makeRoom();

            List<Path> files = disk.takeInodes();
            assertRefused(disk, "No space left on device");
            for (Path file : files) {
                Files.delete(file);
            }

            disk.remount("ro");
            assertRefused(disk, "Read-only file system");
            disk.remount("rw");

            try (Instance instance = Instance.start("full-disk-start", disk.stateDir(), SETTINGS)) {
                load(instance, 1, 10);
                instance.awaitMemories(10);
            }
        }
    }
}
