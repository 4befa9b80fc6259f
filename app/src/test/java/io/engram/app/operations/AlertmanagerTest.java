package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who is told of what. */
@Tag("operations")
class AlertmanagerTest {
    private final Path directory = Tools.project().resolve("monitoring/alertmanager");

    @BeforeEach
    void requireAmtool() {
        Tools.require("amtool");
    }

    @Test
    void shouldPassAmtool() throws IOException, InterruptedException {
        assertThat(Tools.run(directory, "amtool", "check-config", "alertmanager.yml"))
                .contains("SUCCESS", "4 inhibit rules", "4 receivers");
    }

    @ParameterizedTest
    @CsvSource({"critical, pager", "warning, ticket", "scaling, scaling", "info, nobody", "unheard-of, ticket"})
    void shouldRouteBySeverity(String severity, String receiver) throws IOException, InterruptedException {
        Tools.run(
                directory,
                "amtool",
                "config",
                "routes",
                "test",
                "--config.file=alertmanager.yml",
                "--verify.receivers=" + receiver,
                "service=engram",
                "severity=" + severity);
    }
}
