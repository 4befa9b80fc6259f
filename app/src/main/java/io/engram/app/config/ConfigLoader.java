package io.engram.app.config;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigException;

/**
 * Puts the configuration together: defaults, then a properties file, then the environment, then {@code --set}. Unknown
 * keys and bad values are errors that name the key and where it came from.
 */
public final class ConfigLoader {
    /** Read by the launcher and by the logging configuration. */
    private static final Set<String> OTHER_VARIABLES =
            Set.of("ENGRAM_JAVA_OPTS", "ENGRAM_LOG_LEVEL", "ENGRAM_LOG_FORMAT");

    /** What Kubernetes adds to every pod beside a service whose name starts with "engram". */
    private static final Pattern SERVICE_LINK =
            Pattern.compile("ENGRAM_(.*_)?(SERVICE_(HOST|PORT)(_.*)?|PORT_\\d+_(TCP|UDP)(_.*)?)");

    private record Source(String value, String origin) {}

    private final Map<String, Source> settings = new TreeMap<>();

    /**
     * Adds a properties file.
     *
     * @throws ConfigException when it cannot be read or holds an unknown key
     */
    public ConfigLoader file(Path file) {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            throw new ConfigException("cannot read configuration file " + file + ": " + e.getMessage());
        }
        properties.stringPropertyNames().forEach(key -> add(key, properties.getProperty(key), file.toString()));
        return this;
    }

    /** Adds the variables that are ours: {@code ENGRAM_…} and the operations guide's names. */
    public ConfigLoader environment(Map<String, String> environment) {
        Map<String, String> keys = new HashMap<>(ConfigKeys.GUIDE_VARIABLES);
        ConfigKeys.DEFINITION.names().forEach(key -> keys.put(ConfigKeys.variable(key), key));
        environment.forEach((variable, value) -> {
            if (isServiceLink(variable, value)) {
                return;
            }
            String key = keys.get(variable);
            if (key != null) {
                add(key, value, "environment variable " + variable);
            } else if (variable.startsWith("ENGRAM_") && !OTHER_VARIABLES.contains(variable)) {
                addUnlisted(variable, value);
            }
        });
        return this;
    }

    private static boolean isServiceLink(String variable, String value) {
        return variable.startsWith("ENGRAM_")
                && (value.startsWith("tcp://")
                        || value.startsWith("udp://")
                        || SERVICE_LINK.matcher(variable).matches());
    }

    private void addUnlisted(String variable, String value) {
        String key =
                variable.substring("ENGRAM_".length()).toLowerCase(Locale.ROOT).replace('_', '.');
        if (isPassThrough(key)) {
            settings.put(key, new Source(value, "environment variable " + variable));
        } else {
            throw new ConfigException("unknown environment variable " + variable + suggestion(key));
        }
    }

    /**
     * Adds one setting of the command line.
     *
     * @param assignment {@code key=value}
     */
    public ConfigLoader set(String assignment) {
        int equals = assignment.indexOf('=');
        if (equals < 1) {
            throw new ConfigException("--set wants key=value, got '" + assignment + "'");
        }
        add(
                assignment.substring(0, equals).trim(),
                assignment.substring(equals + 1).trim(),
                "--set");
        return this;
    }

    private void add(String key, String value, String origin) {
        if (!ConfigKeys.DEFINITION.names().contains(key) && !isPassThrough(key)) {
            throw new ConfigException("unknown key " + key + " in " + origin + suggestion(key));
        }
        settings.put(key, new Source(value, origin));
    }

    private static boolean isPassThrough(String key) {
        for (String prefix : ConfigKeys.PASS_THROUGH) {
            if (key.startsWith(prefix) && key.length() > prefix.length()) {
                return true;
            }
        }
        return false;
    }

    /** Checks everything. */
    public EngramConfig load() {
        Map<String, String> known = new HashMap<>();
        Map<String, String> passThrough = new HashMap<>();
        settings.forEach((key, source) ->
                (ConfigKeys.DEFINITION.names().contains(key) ? known : passThrough).put(key, source.value()));
        try {
            return new EngramConfig(ConfigKeys.DEFINITION.parse(known), passThrough);
        } catch (ConfigException e) {
            throw new ConfigException(e.getMessage() + origins(e.getMessage()));
        }
    }

    /** Where the settings that an error names came from. */
    private String origins(String message) {
        StringBuilder origins = new StringBuilder();
        settings.forEach((key, source) -> {
            if (message.contains("configuration " + key + ":") || message.contains("configuration " + key + " ")) {
                origins.append(" (from ").append(source.origin()).append(')');
            }
        });
        return origins.toString();
    }

    private static String suggestion(String key) {
        Optional<String> nearest = ConfigKeys.DEFINITION.names().stream()
                .filter(known -> distance(known, key) <= 3)
                .min((a, b) -> Integer.compare(distance(a, key), distance(b, key)));
        return nearest.map(known -> "; did you mean " + known + "?").orElse("; 'engram config' lists all keys");
    }

    /** Levenshtein's edit distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
