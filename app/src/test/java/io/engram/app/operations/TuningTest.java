package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.app.config.ConfigKeys;
import io.engram.app.config.ConfigLoader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The profiles of the tuning page are settings that an instance takes. */
@Tag("operations")
class TuningTest {
    @TempDir
    Path directory;

    private final String page = Tools.read("docs/operations/tuning.md");

    @Test
    void shouldHaveProfilesThatAnInstanceTakes() throws IOException {
        List<String> profiles = CodeBlocks.of(page, "properties");
        assertThat(profiles).hasSize(4); // the fifth is the default
        for (String profile : profiles) {
            new ConfigLoader()
                    .file(Files.writeString(directory.resolve("profile.properties"), profile))
                    .load();
            Properties settings = new Properties();
            settings.load(new StringReader(profile));
            assertThat(settings).isNotEmpty();
            settings.forEach((key, value) -> assertThat(ConfigKeys.DEFINITION.defaultValues())
                    .as("a setting that is the default")
                    .doesNotContainEntry(key.toString(), ConfigDef.parseType(key.toString(), value, typeOf(key))));
        }
    }

    private static ConfigDef.Type typeOf(Object key) {
        // What is passed through to Kafka has no default here.
        return Optional.ofNullable(ConfigKeys.DEFINITION.configKeys().get(key))
                .map(ConfigDef.ConfigKey::type)
                .orElse(ConfigDef.Type.STRING);
    }

    @Test
    void shouldSayHowEachProfileWasMeasured() {
        // The settings of a profile and those of the command that measured it.
        Matcher command = Pattern.compile("\\./engram bench (.*)").matcher(page);
        int commands = 0;
        while (command.find()) {
            commands++;
            Matcher setting = Pattern.compile("--set (\\S+)").matcher(command.group(1));
            while (setting.find()) {
                assertThat(page).contains("\n" + setting.group(1) + "\n");
            }
        }
        assertThat(commands).isEqualTo(5);
    }
}
