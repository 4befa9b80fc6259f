package io.engram.app.operations;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The fenced code of a Markdown page. */
final class CodeBlocks {
    private CodeBlocks() {}

    /** The blocks of a language, in order. */
    static List<String> of(String markdown, String language) {
        List<String> blocks = new ArrayList<>();
        Matcher block = Pattern.compile("^```" + language + "\\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
                .matcher(markdown);
        while (block.find()) {
            blocks.add(block.group(1));
        }
        return blocks;
    }

    /** The lines of all blocks of a language that start so, comments removed. */
    static List<String> commands(String markdown, String language, String start) {
        List<String> commands = new ArrayList<>();
        for (String block : of(markdown, language)) {
            block.lines()
                    .map(line -> line.replaceFirst("\\s+#.*$", ""))
                    .filter(line -> line.startsWith(start))
                    .forEach(commands::add);
        }
        return commands;
    }
}
