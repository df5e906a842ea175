package swabstream.peer;

/** Names of the topics, after the prefix; those of nodes too. */
final class Topics {
    static final String LAB_RESULTS = "lab-results";
    static final String PERSON_EVENTS = "person-events";
    static final String AREA_CHANGES = "area-changes";
    static final String ALERTS = "alerts";
    static final String AREA_POSITIVITY = "area-positivity";
    static final String DEAD_LETTERS = "dead-letters";

    private Topics() {}
}
