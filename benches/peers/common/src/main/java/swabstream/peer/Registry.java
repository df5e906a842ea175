package swabstream.peer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Areas, labs and purposes, read once: they do not change while the bench runs. */
final class Registry {
    /** The total over all purposes is 0. */
    static final List<String> PURPOSES =
        List.of("", "screening", "clinic", "contact", "key_occupation", "inbound");

    final List<String> codes = new ArrayList<>();
    private final List<Long> populations = new ArrayList<>();
    private int[] districts;
    private final Map<Text, Integer> areas = new HashMap<>();
    private final Map<Text, Integer> purposes = new HashMap<>();
    private final Set<Text> labs = new HashSet<>();

    /** The files of a rules folder: `code,name,level,effective_from,parent,population,...` and `id,name`. */
    static Registry read(Path areas, Path labs) throws IOException {
        Registry registry = new Registry();
        List<String> parents = new ArrayList<>();
        for (String line : rows(areas)) {
            String[] fields = line.split(",", -1);
            registry.areas.put(Text.of(fields[0]), registry.codes.size());
            registry.codes.add(fields[0]);
            parents.add(fields[4]);
            registry.populations.add(fields[5].isEmpty() ? 0 : Long.parseLong(fields[5]));
        }
        registry.districts = registry.districts(parents);
        for (String line : rows(labs)) {
            registry.labs.add(Text.of(line.split(",", -1)[0]));
        }
        for (int at = 1; at < PURPOSES.size(); at++) {
            registry.purposes.put(Text.of(PURPOSES.get(at)), at);
        }
        return registry;
    }

    private static List<String> rows(Path file) throws IOException {
        List<String> lines = Files.readAllLines(file);
        return lines.subList(1, lines.size());
    }

    /** -1 where there is none. */
    int area(byte[] code) {
        return areas.getOrDefault(new Text(code), -1);
    }

    /** The district of a street; a district itself. */
    int district(int area) {
        return districts[area];
    }

    private int[] districts(List<String> parents) {
        int[] districts = new int[parents.size()];
        for (int area = 0; area < districts.length; area++) {
            Integer parent = areas.get(Text.of(parents.get(area)));
            boolean top = parent == null || parents.get(parent).isEmpty();
            districts[area] = top ? area : parent;
        }
        return districts;
    }

    long population(int area) {
        return populations.get(area);
    }

    /** -1 where there is none. */
    int purpose(byte[] name) {
        return purposes.getOrDefault(new Text(name), -1);
    }

    boolean knowsLab(byte[] id) {
        return labs.contains(new Text(id));
    }

    /** Bytes as a key, so that no string is made of them. */
    private record Text(byte[] bytes) {
        static Text of(String text) {
            return new Text(text.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Text text && Arrays.equals(bytes, text.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }
}
