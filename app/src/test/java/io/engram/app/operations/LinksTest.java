package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Every link of every page leads somewhere: to a file of the project, and to a heading in it. */
@Tag("operations")
class LinksTest {
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");

    @Test
    void shouldLeadSomewhere() throws IOException {
        List<Path> pages = new ArrayList<>(Tools.files("docs", ".md"));
        pages.add(Tools.project().resolve("README.md"));
        pages.add(Tools.project().resolve("CONTRIBUTING.md"));
        List<String> dead = new ArrayList<>();
        int links = 0;
        for (Path page : pages) {
            Matcher link = LINK.matcher(Files.readString(page));
            while (link.find()) {
                String target = link.group(1);
                links++;
                if (!target.contains("://") && !leadsSomewhere(page, target)) {
                    dead.add(Tools.project().relativize(page) + ": " + target);
                }
            }
        }
        assertThat(links).isGreaterThan(100);
        assertThat(dead).isEmpty();
    }

    private static boolean leadsSomewhere(Path page, String target) throws IOException {
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        if (!Files.exists(file)) {
            return false;
        }
        Optional<String> anchor = parts.length == 2 ? Optional.of(parts[1]) : Optional.empty();
        return anchor.isEmpty() || Documents.anchors(Files.readString(file)).contains(anchor.get());
    }

    /** A page that nothing leads to is never read. */
    @Test
    void shouldReachEveryPageFromTheReadme() throws IOException {
        List<Path> reached = new ArrayList<>(List.of(Tools.project().resolve("README.md")));
        for (int i = 0; i < reached.size(); i++) {
            Path page = reached.get(i);
            if (Files.isDirectory(page) || !page.toString().endsWith(".md")) {
                continue;
            }
            Matcher link = LINK.matcher(Files.readString(page));
            while (link.find()) {
                Path target = page.resolveSibling(link.group(1).replaceFirst("#.*", ""))
                        .normalize();
                if (Files.isDirectory(target) && Files.exists(target.resolve("README.md"))) {
                    target = target.resolve("README.md");
                }
                if (Files.exists(target) && !reached.contains(target)) {
                    reached.add(target);
                }
            }
        }
        assertThat(reached).containsAll(Tools.files("docs", ".md"));
    }
}
