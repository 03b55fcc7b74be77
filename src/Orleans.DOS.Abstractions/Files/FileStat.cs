using Orleans.DOS.Clock;

namespace Orleans.DOS.Files;

/// <summary>What an inode is. Stored: never renumber.</summary>
public enum InodeKind : short
{
    File = 1,
    Directory = 2,
    SymbolicLink = 3,
}

/// <summary>What is known of a path or an open file.</summary>
[GenerateSerializer, Immutable, Alias("dos.FileStat")]
public sealed record FileStat
{
    /// <summary><see cref="InodeId.None"/> for what is shown as a path and is no inode (/proc, /nodes).</summary>
    [Id(0)] public required InodeId Inode { get; init; }
    [Id(1)] public required string Name { get; init; }
    [Id(2)] public required InodeKind Kind { get; init; }
    /// <summary>Bytes of content; 0 for directories.</summary>
    [Id(3)] public long Size { get; init; }
    /// <summary>The nine permission bits, e.g. 0b110_100_100.</summary>
    [Id(4)] public int Mode { get; init; }
    [Id(5)] public int UserId { get; init; }
    [Id(6)] public int GroupId { get; init; }
    [Id(7)] public int Links { get; init; }
    [Id(8)] public DateTimeOffset Accessed { get; init; }
    [Id(9)] public DateTimeOffset Modified { get; init; }
    [Id(10)] public DateTimeOffset Changed { get; init; }
    /// <summary>Copies on different disks that the content should have.</summary>
    [Id(11)] public int Replicas { get; init; }
    /// <summary>Of a symbolic link.</summary>
    [Id(12)] public string? Target { get; init; }
    /// <summary>Grows with every change of metadata; also the ETag of HTTP.</summary>
    [Id(13)] public long Version { get; init; }
    /// <summary>The normalised path of what is no inode; null for inodes.</summary>
    [Id(14)] public string? VirtualPath { get; init; }
}

/// <summary>How a file is opened for writing.</summary>
[GenerateSerializer, Immutable, Alias("dos.FileOpenOptions")]
public sealed record FileOpenOptions
{
    /// <summary>Make the file if there is none.</summary>
    [Id(0)] public bool Create { get; init; }
    /// <summary>Refuse with <see cref="DosErrorCode.PathExists"/> if there is one. Needs <see cref="Create"/>.</summary>
    [Id(1)] public bool Exclusive { get; init; }
    /// <summary>Throw away what is in it.</summary>
    [Id(2)] public bool Truncate { get; init; }
    [Id(3)] public int Mode { get; init; } = 0b110_100_100;
    /// <summary>Copies on different disks; 0 takes the cluster's default. Only for a file that is made now.</summary>
    [Id(4)] public int Replicas { get; init; }
    /// <summary>Acknowledge each write only when it is on the disks of all replicas, not only when it is flushed or closed.</summary>
    [Id(5)] public bool Durable { get; init; }
}

/// <summary>Where bytes of a file lie; what a scheduler needs to bring work to the data.</summary>
[GenerateSerializer, Immutable, Alias("dos.FileLocation")]
public sealed record FileLocation([property: Id(0)] long Position, [property: Id(1)] long Length, [property: Id(2)] IReadOnlyList<NodeId> Nodes);
