package io.engram.topology.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class LargeMarkTest {
    @Test
    void shouldKeepItsBytes() {
        LargeMark mark = new LargeMark(300, 768);
        assertThat(HexFormat.of().formatHex(mark.encode())).isEqualTo("01" + "000000000000012c" + "00000300");
        assertThat(LargeMark.decode(mark.encode())).isEqualTo(mark);
    }

    @Test
    void shouldRefuseAnotherVersion() {
        byte[] bytes = new LargeMark(1, 2).encode();
        bytes[0] = 2;
        assertThatThrownBy(() -> LargeMark.decode(bytes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("mark of a large space of version 2, expected 1");
    }
}
