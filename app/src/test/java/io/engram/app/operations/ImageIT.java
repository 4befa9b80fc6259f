package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The image that the build makes without a Docker daemon, here on an empty base: what it says of itself, and that the
 * files in it run.
 */
@Tag("operations")
class ImageIT {
    @TempDir
    Path directory;

    private Path root;
    private JsonNode config;

    @BeforeEach
    void unpack() throws IOException, InterruptedException {
        Tools.require("tar");
        Path archive = Tools.project().resolve("app/target/engram-image.tar");
        Tools.run(directory, "tar", "-xf", archive.toString());
        JsonNode manifest = Documents.json(directory.resolve("manifest.json")).get(0);
        assertThat(manifest.at("/RepoTags/0").asText()).isEqualTo("engram-streaming:0.1.0");
        config = Documents.json(directory.resolve(manifest.path("Config").asText()))
                .path("config");
        root = Files.createDirectory(directory.resolve("root"));
        for (JsonNode layer : manifest.path("Layers")) {
            Tools.run(root, "tar", "-xpf", directory.resolve(layer.asText()).toString());
        }
    }

    private Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>();
        for (JsonNode variable : config.path("Env")) {
            String[] parts = variable.asText().split("=", 2);
            environment.put(parts[0], parts[1]);
        }
        return environment;
    }

    @Test
    void shouldSayWhatTheDockerfileSays() {
        String dockerfile = Tools.read("Dockerfile");
        assertThat(dockerfile)
                .contains("ENTRYPOINT " + config.path("Entrypoint"))
                .contains("CMD " + config.path("Cmd"))
                .contains("USER " + config.path("User").asText())
                .contains("VOLUME " + config.path("Volumes").fieldNames().next());
        assertThat(environment()).isEqualTo(Documents.environment(dockerfile));
        EngramConfig defaults = new ConfigLoader().load();
        assertThat(config.path("ExposedPorts").fieldNames())
                .toIterable()
                .containsExactlyInAnyOrder(defaults.httpPort() + "/tcp", defaults.metricsPort() + "/tcp");
    }

    @Test
    void shouldBeDeployedOnTheBaseOfTheDockerfile() {
        Matcher base = Pattern.compile("^FROM (\\S+)$", Pattern.MULTILINE).matcher(Tools.read("Dockerfile"));
        assertThat(base.find()).isTrue();
        assertThat(Tools.read("pom.xml")).contains("<image.base>" + base.group(1) + "</image.base>");
    }

    @Test
    void shouldRunWithWhatIsInIt() throws IOException, InterruptedException {
        Path launcher = root.resolve(config.at("/Entrypoint/0").asText().substring(1));

        assertThat(Tools.run(root, launcher.toString(), "--version")).contains("0.1.0");
        assertThat(Tools.run(root, launcher.toString(), "config", "--markdown"))
                .isEqualTo(Tools.read("docs/reference/config.md"));
        assertThat(Files.getPosixFilePermissions(root.resolve("data"))).contains(PosixFilePermission.OTHERS_WRITE);
    }
}
