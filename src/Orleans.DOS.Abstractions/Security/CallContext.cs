using Orleans.DOS.Clock;

namespace Orleans.DOS.Security;

/// <summary>An acquisition of a lock, carried by what is done under it.</summary>
[GenerateSerializer, Immutable, Alias("dos.Fence")]
public readonly record struct Fence([property: Id(0)] long Epoch, [property: Id(1)] long Counter);

/// <summary>
/// What every call that changes state carries. It says who asks for what and in which order; it proves nothing: the credential
/// that travels beside it does, and every node checks that both agree before a grain sees the call.
/// </summary>
[GenerateSerializer, Immutable, Alias("dos.CallContext")]
public sealed record CallContext
{
    /// <summary>Wire version of this record.</summary>
    [Id(0)] public int Version { get; init; } = 1;
    [Id(1)] public required MachineId Machine { get; init; }
    [Id(2)] public required Principal Principal { get; init; }

    /// <summary>The process that calls, or null for a client.</summary>
    [Id(3)] public ProcessId? Process { get; init; }

    /// <summary>Which start of <see cref="Process"/> calls; 0 for a client.</summary>
    [Id(4)] public long Incarnation { get; init; }

    /// <summary>The incarnation of the node through which the call came; 0 for a client of the Orleans gateway.</summary>
    [Id(5)] public long NodeIncarnation { get; init; }

    [Id(6)] public required RequestId Request { get; init; }

    [Id(7)] public HybridTime Time { get; init; }

    [Id(8)] public Fence? Fence { get; init; }
}
