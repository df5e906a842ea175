import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.resource.*;

/**
 * Adds what lines of standard input say, each the options of one `kafka-acls.sh --add`, to the broker of the first
 * argument: as Kafka's own tool does, in one process for all of them. An option that is not known ends it.
 */
public class Acls {
    public static void main(String[] arguments) throws Exception {
        List<AclBinding> all = new ArrayList<>();
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            all.addAll(bindings(lines.nextLine().trim().split("\\s+")));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            admin.createAcls(all).all().get();
        }
        System.out.println(all.size());
    }

    static List<AclBinding> bindings(String[] options) {
        String principal = null;
        List<AclOperation> operations = new ArrayList<>();
        List<Map.Entry<ResourceType, String>> resources = new ArrayList<>();
        PatternType pattern = PatternType.LITERAL;
        for (int at = 0; at < options.length; at++) {
            switch (options[at]) {
                case "--add" -> { }
                case "--allow-principal" -> principal = options[++at];
                case "--operation" -> operations.add(operation(options[++at]));
                case "--topic" -> resources.add(Map.entry(ResourceType.TOPIC, options[++at]));
                case "--group" -> resources.add(Map.entry(ResourceType.GROUP, options[++at]));
                case "--transactional-id" -> resources.add(Map.entry(ResourceType.TRANSACTIONAL_ID, options[++at]));
                case "--cluster" -> resources.add(Map.entry(ResourceType.CLUSTER, "kafka-cluster"));
                case "--resource-pattern-type" -> pattern = PatternType.fromString(options[++at].toUpperCase());
                default -> throw new IllegalArgumentException("kafka-acls.sh has no option " + options[at]);
            }
        }
        List<AclBinding> all = new ArrayList<>();
        for (Map.Entry<ResourceType, String> resource : resources) {
            for (AclOperation operation : operations) {
                AccessControlEntry entry = new AccessControlEntry(principal, "*", operation, AclPermissionType.ALLOW);
                all.add(new AclBinding(new ResourcePattern(resource.getKey(), resource.getValue(), pattern), entry));
            }
        }
        if (principal == null || all.isEmpty()) {
            throw new IllegalArgumentException("no principal, operation or resource: " + String.join(" ", options));
        }
        return all;
    }

    static AclOperation operation(String name) {
        AclOperation operation = AclOperation.fromString(name.replaceAll("([a-z])([A-Z])", "$1_$2"));
        if (operation == AclOperation.UNKNOWN) {
            throw new IllegalArgumentException("there is no operation " + name);
        }
        return operation;
    }
}
