package io.engram.topology.follow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.topology.format.JournalPosition;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class FollowerCommitTest {
    private static final FollowerCommit COMMIT = new FollowerCommit(
            new UUID(0x0123456789abcdefL, 0xfedcba9876543210L),
            new JournalPosition(3, 258),
            true,
            "notes",
            List.of("tea", "Küche"),
            List.of(new FollowerCommit.Change(257, "tea"), new FollowerCommit.Change(260, "milk")));

    private static final String GOLDEN = "02" + "0123456789abcdef" + "fedcba9876543210" + "0000000000000003"
            + "0000000000000102" + "01" + "00056e6f746573" + "00000002" + "0003746561" + "00064bc3bc636865"
            + "00000002" + "0000000000000101" + "0003746561" + "0000000000000104" + "00046d696c6b";

    @Test
    void shouldKeepItsBytes() {
        assertThat(HexFormat.of().formatHex(COMMIT.encode())).isEqualTo(GOLDEN);
        assertThat(FollowerCommit.decode(HexFormat.of().parseHex(GOLDEN))).isEqualTo(COMMIT);
    }

    @Test
    void shouldRefuseAnotherVersion() {
        byte[] bytes = COMMIT.encode();
        bytes[0] = 1;
        assertThatThrownBy(() -> FollowerCommit.decode(bytes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("commit of an index of version 1, expected 2");
    }

    @Test
    void shouldRefuseWhatIsCutShort() {
        byte[] bytes = COMMIT.encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> FollowerCommit.decode(cut))
                    .as("%d bytes", length)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldLookUpOnlyWhatTheStoreMayHaveLost() {
        assertThat(COMMIT.unsure(new JournalPosition(3, 256))).containsExactlyInAnyOrder("tea", "Küche", "milk");
        assertThat(COMMIT.unsure(new JournalPosition(3, 260))).containsExactlyInAnyOrder("tea", "Küche");
        // Of another epoch nobody knows what was lost of this one.
        assertThat(COMMIT.unsure(new JournalPosition(4, 900))).containsExactlyInAnyOrder("tea", "Küche", "milk");
    }
}
