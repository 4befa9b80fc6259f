package io.engram.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.schemas.Decoded;
import io.engram.schemas.ObservationCodec;
import java.io.IOException;
import java.util.Collections;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CommandLineTest {
    @Test
    void shouldHelp() {
        CommandRun help = CommandRun.of("--help");
        assertThat(help.exit()).isZero();
        assertThat(help.out()).contains("demo", "serve", "broker", "observe", "recall", "status", "Exit codes");
        for (String command : new String[] {"demo", "serve", "broker", "observe", "recall", "status", "config"}) {
            assertThat(CommandRun.of(command, "--help").out()).contains("Usage: engram " + command);
        }
    }

    @Test
    void shouldEndWithDocumentedCodes() {
        assertThat(CommandRun.of("nonsense").exit()).isEqualTo(2);
        assertThat(CommandRun.of("serve", "--set", "nonsense=1").exit()).isEqualTo(2);
        assertThat(CommandRun.of("observe", "/does/not/exist").exit()).isEqualTo(1);
        CommandRun unreachable = CommandRun.of("status", "--url", "http://127.0.0.1:1");
        assertThat(unreachable.exit()).isEqualTo(3);
        assertThat(unreachable.err())
                .contains("nobody answers at http://127.0.0.1:1")
                .doesNotContain("\tat ");
    }

    @Test
    void shouldListConfiguration() {
        CommandRun text = CommandRun.of("config");
        assertThat(text.out()).contains("http.port = 7432", "ENGRAM_HTTP_PORT", "NORMAL_QUEUE_CAPACITY");
        assertThat(CommandRun.of("config", "--json").out()).contains("\"ENGRAM_STATE_DIR\"");
    }

    @Test
    void shouldLeaveLinesWithoutASessionAsTheyAre() {
        ObservationLines lines = new ObservationLines(Optional.of("d"), Optional.empty());
        String bare = "{\"content\":\"c\",\"embedding\":[1,2]}";

        Decoded decoded = ObservationCodec.decode(Optional.of(lines.next(bare).value()));
        assertThat(decoded).isInstanceOf(Decoded.Valid.class);
        assertThat(decoded.position()).isEmpty();
        assertThat(position(lines.next("{\"session\":\"own\",\"sequence\":9,\"content\":\"c\",\"embedding\":[1,2]}")))
                .isEqualTo("d own 9");
    }

    @Test
    void shouldNumberLinesPerSpaceAndKeepGivenNumbers() {
        ObservationLines lines = new ObservationLines(Optional.of("d"), Optional.of("cli"));
        String bare = "{\"content\":\"c\",\"embedding\":[1,2]}";

        assertThat(position(lines.next(bare))).isEqualTo("d cli 1");
        assertThat(position(lines.next("{\"space\":\"e\",\"observation\":" + bare + "}")))
                .isEqualTo("e cli 1");
        assertThat(position(lines.next(bare))).isEqualTo("d cli 2");
        assertThat(position(lines.next("{\"session\":\"own\",\"sequence\":9,\"content\":\"c\",\"embedding\":[1,2]}")))
                .isEqualTo("d own 9");
    }

    private static String position(ObservationLines.Line line) {
        var position =
                ObservationCodec.decode(Optional.of(line.value())).position().orElseThrow();
        return line.space() + " " + position.session() + " " + position.sequence();
    }

    @Test
    void shouldNameTheBadLine() {
        ObservationLines lines = new ObservationLines(Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> lines.next("{")).hasMessageContaining("line 1 cannot be taken: the line is not JSON");
        assertThatThrownBy(() -> lines.next("{\"content\":\"c\"}"))
                .hasMessageContaining("line 2 names no legal memory space");
        assertThatThrownBy(() -> lines.next("{\"space\":\"s\",\"observation\":{\"content\":\"c\"}}"))
                .hasMessageContaining("line 3 is not valid: embedding is missing");
    }

    @Test
    void shouldFitStatusIntoEightyColumns() throws IOException {
        String screen = StatusScreen.render(status(9));

        assertThat(screen.lines()).allMatch(line -> line.length() <= 80).hasSizeLessThanOrEqualTo(24);
        assertThat(screen)
                .contains("http://127.0.0.1:7432            ready       2 active, 1 standby, 1 loading")
                .contains("overloaded", "123,456", "1,234,567", "SPACE (9)", "… and 6 more instances")
                .contains("… and 5 more workers", "… and 5 more spaces")
                .doesNotContain("NOT READY");
    }

    @Test
    void shouldShowWhatWasNotAccepted() throws IOException {
        ObjectNode status = (ObjectNode) status(9);
        status.set(
                "rejections",
                new ObjectMapper()
                        .readTree(("{'rejections':["
                                        + repeated(
                                                "{'space':'notes','reason':'invalid_sequence','count':3,'last_detail':'"
                                                        + "sequence 1 of session me was used for something else'}",
                                                5)
                                        + "]}")
                                .replace('\'', '"')));

        String screen = StatusScreen.render(status);

        assertThat(screen.lines()).allMatch(line -> line.length() <= 80).hasSizeLessThanOrEqualTo(24);
        assertThat(screen)
                .contains("NOT ACCEPTED (15 records", "3 notes invalid_sequence: sequence 1 of session me")
                .contains("… and 7 more workers", "… and 7 more spaces");
    }

    /** As many instances, workers and spaces. */
    private static JsonNode status(int count) throws IOException {
        String instance =
                "{'url':'http://127.0.0.1:7432','ready':true,'partitions':[{'role':'active'},{'role':'active'},"
                        + "{'role':'standby'},{'role':'loading'}],'workers':["
                        + repeated("{'worker_id':'0','queued':123456,'utilization':99.9}", count) + "]}";
        String space = "{'space':'" + "x".repeat(128) + "','count':1234567,'dimension':768,'partition':7}";
        return new ObjectMapper()
                .readTree(("{'cluster':{'instances':[" + repeated(instance, count) + "]},"
                                + "'backpressure':{'level':'overloaded','lanes':[{'lane':'high','level':'normal','depth':12,'capacity':10000},"
                                + "{'lane':'normal','level':'overloaded','depth':123456,'capacity':100000},{'lane':'low','level':'normal','depth':0,'capacity':50000}]},"
                                + "'spaces':{'spaces':[" + repeated(space, count) + "]}}")
                        .replace('\'', '"'));
    }

    private static String repeated(String item, int count) {
        return String.join(",", Collections.nCopies(count, item));
    }
}
