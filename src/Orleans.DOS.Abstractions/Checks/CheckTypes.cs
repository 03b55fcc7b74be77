namespace Orleans.DOS.Checks;

/// <summary>What a check found wrong. Sent: never renumber.</summary>
public enum FindingKind : short
{
    /// <summary>The disk lacks a replica that the catalog names.</summary>
    Missing = 1,
    /// <summary>A replica ends before the length with which its segment was sealed.</summary>
    Short = 2,
    /// <summary>A replica whose bytes do not fit their checksums, or cannot be read.</summary>
    Rotten = 3,
    /// <summary>The node of a replica has another disk now: it was wiped or replaced.</summary>
    OtherDisk = 4,
    /// <summary>A segment with fewer replicas than it should have.</summary>
    BelowTarget = 5,
    /// <summary>A segment that cannot be read until a node is back.</summary>
    Away = 6,
    /// <summary>A segment without any good replica.</summary>
    Lost = 7,
    /// <summary>A node that did not answer: what lies on its disk was not checked.</summary>
    NotChecked = 8,
    /// <summary>A file of a disk that the catalog does not name.</summary>
    Unnamed = 9,
    /// <summary>Content or segments of a file that there is no more.</summary>
    Orphan = 10,
    /// <summary>A part of a file that lies in no segment, behind the end of one, or under another part.</summary>
    Extent = 11,
    /// <summary>A name of nothing, or in a directory that there is no more.</summary>
    Name = 12,
    /// <summary>A file or directory that no name leads to.</summary>
    NoName = 13,
    /// <summary>A count of names, or a way up, that is not what the names say.</summary>
    Links = 14,
}

/// <summary>What has become of a finding. Sent: never renumber.</summary>
public enum MendState : short
{
    /// <summary>It was only to be reported.</summary>
    None = 0,
    Done = 1,
    /// <summary>The nodes are at it: they make new replicas in the background.</summary>
    Started = 2,
    /// <summary>Nothing can be done without losing something, or without somebody: the text says what.</summary>
    NotPossible = 3,
}

/// <summary>One thing that is not as it should be.</summary>
[GenerateSerializer, Immutable, Alias("dos.Finding")]
public sealed record Finding
{
    [Id(0)] public required FindingKind Kind { get; init; }
    /// <summary>0: it is about no segment.</summary>
    [Id(1)] public long Segment { get; init; }
    [Id(2)] public NodeId? Node { get; init; }
    /// <summary>One path of the file that it is about, or null: it has none, or it is about none.</summary>
    [Id(3)] public string? Path { get; init; }
    /// <summary>Bytes that it is about.</summary>
    [Id(4)] public long Bytes { get; init; }
    [Id(5)] public MendState Mend { get; init; }
    /// <summary>A sentence for people, without a full stop.</summary>
    [Id(6)] public string Text { get; init; } = "";
}

/// <summary>How thorough a check is, and whether it also mends.</summary>
[GenerateSerializer, Immutable, Alias("dos.CheckOptions")]
public sealed record CheckOptions
{
    /// <summary>Read every byte of every replica, not faster than <see cref="Limits.RepairBytesPerSecond"/> a disk.</summary>
    [Id(0)] public bool Deep { get; init; }
    /// <summary>Mend what can be mended without losing anything.</summary>
    [Id(1)] public bool Mend { get; init; }
}

/// <summary>One step of a check: what it found, how much it looked at, and where the next one goes on.</summary>
[GenerateSerializer, Immutable, Alias("dos.CheckStep")]
public sealed record CheckStep
{
    [Id(0)] public IReadOnlyList<Finding> Findings { get; init; } = [];
    [Id(1)] public long Names { get; init; }
    [Id(2)] public long Inodes { get; init; }
    [Id(3)] public long Extents { get; init; }
    [Id(4)] public long Segments { get; init; }
    [Id(5)] public long Replicas { get; init; }
    /// <summary>Bytes read and compared with their checksums.</summary>
    [Id(6)] public long BytesRead { get; init; }
    /// <summary>What to hand in as <c>after</c> for the next step, or null at the end.</summary>
    [Id(7)] public string? Next { get; init; }
}
