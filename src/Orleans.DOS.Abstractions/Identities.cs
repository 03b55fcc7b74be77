using System.Globalization;
using System.Security.Cryptography;

namespace Orleans.DOS;

/// <summary>A machine's number in the catalog; 1 is <c>main</c>.</summary>
[GenerateSerializer, Immutable, Alias("dos.MachineId")]
public readonly record struct MachineId([property: Id(0)] long Value)
{
    public static readonly MachineId Main = new(1);
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A node's name for life, kept on its disk: a letter first, so that it can never be read as a number.</summary>
[GenerateSerializer, Immutable, Alias("dos.NodeId")]
public readonly record struct NodeId([property: Id(0)] string Value)
{
    public override string ToString() => Value ?? "";
}

/// <summary>A disk's name for life, written to the disk itself; a wiped disk has another one.</summary>
[GenerateSerializer, Immutable, Alias("dos.DiskId")]
public readonly record struct DiskId([property: Id(0)] string Value)
{
    public override string ToString() => Value ?? "";
}

/// <summary>An inode's number: unique in the cluster, never used again. 1 is the root directory of <c>main</c>; 0 is "none" (a path of /proc, /nodes).</summary>
[GenerateSerializer, Immutable, Alias("dos.InodeId")]
public readonly record struct InodeId([property: Id(0)] long Value)
{
    public static readonly InodeId None = new(0);
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A process' number: unique in the cluster, never used again, kept over restarts and moves.</summary>
[GenerateSerializer, Immutable, Alias("dos.ProcessId")]
public readonly record struct ProcessId([property: Id(0)] long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

[GenerateSerializer, Immutable, Alias("dos.JobId")]
public readonly record struct JobId([property: Id(0)] long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A segment's number, from the catalog; never used again.</summary>
[GenerateSerializer, Immutable, Alias("dos.SegmentId")]
public readonly record struct SegmentId([property: Id(0)] long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What kind of object has an owner, an epoch and segments. Stored: never renumber.</summary>
public enum ObjectKind : ushort
{
    None = 0,
    File = 1,
    StreamPartition = 2,
    Process = 3,
    Job = 4,
    LockShard = 5,
    MemoryPartition = 6,
}

/// <summary>An object that has one owner at a time.</summary>
[GenerateSerializer, Immutable, Alias("dos.ObjectId")]
public readonly record struct ObjectId([property: Id(0)] ObjectKind Kind, [property: Id(1)] long Value)
{
    public static ObjectId File(InodeId inode) => new(ObjectKind.File, inode.Value);
    public static ObjectId Process(ProcessId pid) => new(ObjectKind.Process, pid.Value);
    public static ObjectId Job(JobId job) => new(ObjectKind.Job, job.Value);

    /// <summary>The catalog's form, e.g. <c>file:17</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}:{Value}");
}

/// <summary>
/// Names one request for ever, so that repeating it is harmless: <c>client.number</c> for clients, <c>pid.incarnation.number</c>
/// for processes, folded into 128 bits. The sender draws <paramref name="Sender"/> once at random and counts <paramref name="Number"/>.
/// </summary>
[GenerateSerializer, Immutable, Alias("dos.RequestId")]
public readonly record struct RequestId([property: Id(0)] long Sender, [property: Id(1)] long Number)
{
    public static readonly RequestId None = default;

    /// <summary>One that nobody else has: a sender drawn at random, and its first number.</summary>
    public static RequestId New() => new(BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))), 1);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{unchecked((ulong)Sender):x16}.{Number}");

    public static bool TryParse(string? text, out RequestId id)
    {
        id = default;
        var dot = text?.IndexOf('.', StringComparison.Ordinal) ?? -1;
        if (dot <= 0
            || !ulong.TryParse(text.AsSpan(0, dot), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var sender)
            || !long.TryParse(text.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }
        id = new RequestId(unchecked((long)sender), number);
        return true;
    }
}
