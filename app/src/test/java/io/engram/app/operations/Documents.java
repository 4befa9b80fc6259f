package io.engram.app.operations;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** YAML, JSON and Markdown of the project. */
final class Documents {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final YAMLMapper YAML = new YAMLMapper();

    private Documents() {}

    static JsonNode json(Path file) throws IOException {
        return JSON.readTree(Files.readString(file));
    }

    /** Every document of a file. */
    static List<JsonNode> yaml(Path file) throws IOException {
        return yaml(Files.readString(file));
    }

    static List<JsonNode> yaml(String text) throws IOException {
        try (MappingIterator<JsonNode> documents =
                YAML.readerFor(JsonNode.class).readValues(text)) {
            return documents.readAll();
        }
    }

    static String toYaml(JsonNode document) throws IOException {
        return YAML.writeValueAsString(document);
    }

    /** The variables of ours that a Dockerfile sets. */
    static Map<String, String> environment(String dockerfile) {
        Map<String, String> environment = new HashMap<>();
        Matcher variable = Pattern.compile("(ENGRAM_\\w+)=(\\S+)").matcher(dockerfile);
        while (variable.find()) {
            environment.put(variable.group(1), variable.group(2));
        }
        return environment;
    }

    /** The anchors that a Markdown page's headings have. */
    static Set<String> anchors(String markdown) {
        Set<String> anchors = new TreeSet<>();
        boolean code = false;
        for (String line : markdown.lines().toList()) {
            if (line.startsWith("```")) {
                code = !code;
            }
            if (!code && line.startsWith("#")) {
                String text = line.replaceFirst("^#+ *", "").toLowerCase(Locale.ROOT);
                anchors.add(text.replaceAll("[^\\p{L}\\p{N} _-]", "").trim().replace(' ', '-'));
            }
        }
        return anchors;
    }
}
