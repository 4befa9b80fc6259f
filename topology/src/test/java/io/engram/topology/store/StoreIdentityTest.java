package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreIdentityTest {
    /** Identity 00112233-4455-6677-8899-aabbccddeeff, epoch 7. */
    private static final String GOLDEN =
            "454e4752414d4944" + "00000001" + "00112233445566778899aabbccddeeff" + "0000000000000007" + "745f31e4";

    @TempDir
    Path directory;

    private StoreIdentity open(Optional<byte[]> inStore) {
        return StoreIdentity.open(directory.resolve("task").resolve("store.identity"), inStore);
    }

    private Path file() {
        return directory.resolve("task").resolve("store.identity");
    }

    @Test
    void shouldCountTheOpeningsOfOneStore() {
        StoreIdentity first = open(Optional.empty());
        assertThat(first.epoch()).isEqualTo(1);
        StoreIdentity second = open(Optional.of(first.key()));
        assertThat(second).isEqualTo(new StoreIdentity(first.identity(), 2));
        assertThat(open(Optional.of(first.key()))).isEqualTo(new StoreIdentity(first.identity(), 3));
    }

    @Test
    void shouldNotTakeAnotherStoreForItsOwn() throws Exception {
        StoreIdentity first = open(Optional.empty());
        assertThat(open(Optional.empty()).identity()).as("the store lost its").isNotEqualTo(first.identity());
        byte[] other = new byte[16];
        assertThat(open(Optional.of(other)).identity())
                .as("the store has another")
                .isNotEqualTo(first.identity());
        StoreIdentity last = open(Optional.empty());
        Files.delete(file());
        assertThat(open(Optional.of(last.key())).identity())
                .as("the file is gone")
                .isNotEqualTo(last.identity());
    }

    @Test
    void shouldKeepItsBytes() throws Exception {
        Files.createDirectories(file().getParent());
        Files.write(file(), HexFormat.of().parseHex(GOLDEN));
        UUID identity = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
        StoreIdentity opened = open(Optional.of(new StoreIdentity(identity, 0).key()));
        assertThat(opened).isEqualTo(new StoreIdentity(identity, 8));
    }

    @Test
    void shouldNotBelieveDamageOrAnotherVersion() throws Exception {
        StoreIdentity first = open(Optional.empty());
        byte[] whole = Files.readAllBytes(file());
        for (int at = 0; at < whole.length; at++) {
            byte[] flipped = whole.clone();
            flipped[at] ^= 4;
            Files.write(file(), flipped);
            assertThat(open(Optional.of(first.key())).identity())
                    .as("byte %d", at)
                    .isNotEqualTo(first.identity());
        }
        Files.write(file(), new byte[0]);
        assertThat(open(Optional.of(first.key())).identity()).isNotEqualTo(first.identity());
    }

    @Test
    void shouldBeNobodyWhereItCannotBeWritten() throws IOException {
        Files.writeString(directory.resolve("task"), "not a directory");
        StoreIdentity first = open(Optional.empty());
        assertThat(open(Optional.of(first.key())).identity()).isNotEqualTo(first.identity());
    }
}
