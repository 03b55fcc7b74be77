namespace Orleans.DOS.Simulation.Segments;

/// <summary>Rows of one object; each change is one transaction.</summary>
public sealed class SimulatedCatalog
{
    public sealed class Row
    {
        public required int Id;
        /// <summary>Node and the number of its disk, which grows when it is wiped; also those that were given up.</summary>
        public required Dictionary<int, int> Replicas;
        /// <summary>As they were when it was opened, for who opened it or takes it over.</summary>
        public required IReadOnlyDictionary<int, int> Opened;
        public HashSet<int> Lost { get; } = [];
        public long? Sealed;
        /// <summary>Nothing names it any more, since when.</summary>
        public long? Deleting;

        public List<int> Good => [.. Replicas.Keys.Where(node => !Lost.Contains(node))];
        public int Frames => (int)(Sealed!.Value / SimulatedReplica.FrameBytes);
    }

    private int _ids;

    public long Epoch { get; set; }
    /// <summary>In the order of their commits.</summary>
    public List<Row> Segments { get; } = [];
    /// <summary>Frames of each segment that the newest checkpoint names.</summary>
    public Dictionary<int, int> Extents { get; } = [];
    /// <summary>Nobody reaches it until then.</summary>
    public long AwayUntil { get; set; }

    public IEnumerable<Row> Live => Segments.Where(row => row.Deleting is null);

    public int NextId() => _ids++;

    public static void Seal(Row row, long length, IEnumerable<int> lost, long now)
    {
        if (row.Sealed is null)
        {
            row.Sealed = length;
            row.Lost.UnionWith(lost);
            row.Deleting = length == 0 ? now : null;
        }
    }
}
