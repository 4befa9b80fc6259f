package io.engram.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StrictJsonTest {
    private static ObjectNode read(String json) throws FieldException {
        return StrictJson.readObject("the body", json.getBytes(StandardCharsets.UTF_8), "vector");
    }

    @Test
    void shouldKeepNumbersAndTextsAsTheyWereSent() throws FieldException {
        String json = "{\"a\":18446744073709551615,\"b\":0.1000000000000000055511151231257827,\"c\":[1E+400,-1,0.5],"
                + "\"d\":{\"e\":\"🌍\",\"f\":null,\"g\":true}}";

        assertThat(read(json)).hasToString(json);
    }

    @Test
    void shouldReadVectorsAsMemoriesAre() throws FieldException {
        String base64 = Embeddings.toBase64(new float[] {1, 0.5f});

        assertThat(read("{\"vector\":[1,0.5]}").get("vector").textValue()).isEqualTo(base64);
        assertThat(read("{\"vector\":\"" + base64 + "\"}").get("vector").textValue())
                .isEqualTo(base64);
        assertThat(read("{\"vector\":null}").get("vector").isNull()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ | the body is not JSON",
                "[] | the body must be a JSON object",
                "{} {} | goes on after the JSON object",
                "{\"a\":1,\"a\":2} | Duplicate field 'a'",
                "{\"f\":{\"x\":{\"gt\":1,\"gt\":5}}} | Duplicate field 'gt'",
                "{\"f\":[{\"a\":1,\"a\":2}]} | Duplicate field 'a'",
                "{\"f\":{\"t\":\"x\\ud83d\"}} | f.t holds half a surrogate pair at character 1",
                "{\"f\":{\"t\":[1,\"\\udc00\"]}} | f.t[1] holds half a surrogate pair at character 0",
                "{\"f\":{\"k\\udc00\":1}} | surrogate in field name",
                "{\"\\udc00\":1} | surrogate in field name",
                "{\"a\":NaN} | a must be a finite number",
                "{\"a\":[-Infinity]} | a[0] must be a finite number",
                "{\"a\":1e10000} | a must be a finite number",
                "{\"a\":1e99999999999} | the body has a number out of range",
                "{\"vector\":[0,0]} | vector is the zero vector",
                "{\"vector\":[1,1e60]} | vector[1] is Infinity",
                "{\"vector\":[1,NaN]} | vector[1] is NaN",
                "{\"vector\":\"AACAPwAAgD8\"} | vector is not base64: 11 characters",
                "{\"vector\":7} | vector must be base64"
            })
    void shouldRefuseWhatCannotBeKept(String json, String problem) {
        assertThatThrownBy(() -> read(json)).isInstanceOf(FieldException.class).hasMessageContaining(problem);
    }

    @Test
    void shouldRefuseWhatIsNotUtf8() {
        byte[] latin1 = "{\"a\":\"é\"}".getBytes(StandardCharsets.ISO_8859_1);

        assertThatThrownBy(() -> StrictJson.readObject("the body", latin1, "vector"))
                .hasMessageContaining("the body is not UTF-8: byte 0xe9 at 6");
    }
}
