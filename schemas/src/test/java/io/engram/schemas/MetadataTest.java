package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MetadataTest {
    private static Metadata read(String metadata) {
        byte[] json = ("{\"session\":\"s\",\"sequence\":1,\"content\":\"\",\"embedding\":[1,2],\"metadata\":" + metadata
                        + "}")
                .getBytes(StandardCharsets.UTF_8);
        Decoded decoded = ObservationCodec.decode(Optional.of(json));
        assertThat(decoded).as(metadata).isInstanceOf(Decoded.Valid.class);
        return ((Decoded.Valid) decoded).observation().metadata();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '#',
            value = {
                "{} | ##",
                "null | ##",
                "{\"a\":null} | ##",
                "{\"a\":{}} | ##",
                "{\"a\":{\"b\":{\"c\":null}}} | ##",
                "{\"source\":\"a.pdf\",\"page\":null} | {\"source\":\"a.pdf\"}",
                "{\"tags\":[1,2.5]} | {\"tags\":[1,2.5]}",
                "{\"tags\":[]} | {\"tags\":[]}",
                "{\"tags\":[null]} | {\"tags\":[]}",
                "{\"tags\":[\"a\",1,null,true]} | {\"tags\":[\"a\",1,true]}",
                "{\"loc\":{\"lines\":{\"to\":9,\"from\":1},\"page\":3}} | {\"loc.lines.from\":1,\"loc.lines.to\":9,\"loc.page\":3}",
                "{\"b\":1,\"a\":{\"c\":[false]}} | {\"a.c\":[false],\"b\":1}",
                "{\"n\":1.50,\"m\":-0.0,\"h\":1e400} | {\"h\":1E+400,\"m\":-0.0,\"n\":1.5}"
            })
    void shouldBecomeFlat(String sent, String stored) {
        Metadata metadata = read(sent);

        assertThat(metadata.toJson()).asString(StandardCharsets.UTF_8).isEqualTo(stored);
        assertThat(Metadata.fromJson(metadata.toJson())).isEqualTo(metadata);
    }

    @Test
    void shouldBeMadeOfFacts() {
        assertThat(Metadata.of(Map.of("a", 1, "b", List.of("x", 2, true), "c", 0.5f, "d", new BigDecimal("0.50")))
                        .toJson())
                .asString(StandardCharsets.UTF_8)
                .isEqualTo("{\"a\":1,\"b\":[\"x\",2,true],\"c\":0.5,\"d\":0.5}");
        assertThatThrownBy(() -> Metadata.of(Map.of("a", Double.NaN))).hasMessageContaining("metadata.a");
        assertThatThrownBy(() -> Metadata.of(Map.of("a", List.of(List.of())))).hasMessageContaining("metadata.a");
    }
}
