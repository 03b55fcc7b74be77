using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Client.Cluster;

/// <summary>
/// Machines over Orleans. <see cref="ClusterMachine"/> is made of one class a service (<c>ClusterFiles</c>, <c>ClusterProcesses</c>, ...),
/// and each call goes through <see cref="ClusterCaller"/>: make the call context, call the grain, repeat by the same request id while the
/// budget lasts, map what failed.
/// </summary>
public sealed class ClusterMachines : IMachines
{
    private readonly IGrainFactory _grains;
    private readonly ClusterMachineOptions _options;
    private readonly TimeProvider _time;

    public ClusterMachines(IGrainFactory grains, ClusterMachineOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(grains);
        _grains = grains;
        _options = options ?? new ClusterMachineOptions();
        _time = time ?? TimeProvider.System;
    }

    public IMachine Open(string name, Caller caller, RequestId? request = null)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var machine = Find(name);
        if (caller.Machine is { } only && only != machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the credential is for another machine than '{name}'");
        }
        return new ClusterMachine(name, new ClusterCaller(_grains, machine, caller, new RequestIds(request), _options, _time));
    }

    private static MachineId Find(string name) => name == MainName
        ? MachineId.Main
        : throw new DosException(DosErrorCode.NoSuchMachine, $"there is no machine '{Shown(name)}'");

    private static string Shown(string? name) => name is { Length: > 64 } ? string.Concat(name.AsSpan(0, 64), "...") : name ?? "";

    /// <summary>The machine that every cluster has.</summary>
    public const string MainName = "main";
}
