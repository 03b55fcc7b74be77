using System.Diagnostics;
using System.Runtime.InteropServices;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Nodes;

/// <summary>What is fixed for this start of the node.</summary>
public sealed record NodeFacts
{
    public required NodeId Id { get; init; }
    public required long Incarnation { get; init; }
    public required DiskId Disk { get; init; }
    public required string DiskPath { get; init; }
    public required string Url { get; init; }
    public required string Gateway { get; init; }
    /// <summary>Cores lent to the cluster.</summary>
    public required double Cpus { get; init; }
    public required IReadOnlyDictionary<string, string> Labels { get; init; }
}

/// <summary>
/// Measures what the node lends and uses: CPU of the node and its workers between two measurements, their resident memory, the file
/// system under the node's disk. One caller at a time (the reporter).
/// </summary>
public sealed class CapacityMeter(NodeFacts facts, IWorkerProcesses programs, TimeProvider time) : ICapacityMeter
{
    private readonly Dictionary<string, string> _labels = WithOwn(facts);
    private Dictionary<int, double> _cpuSeconds = [];
    private long _measured;

    public NodeStatus Measure()
    {
        var workers = programs.HostProcessIds.Append(Environment.ProcessId).Distinct();
        var uses = workers.Select(ProcessUse.Read).OfType<ProcessUse>().ToList();
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var disk = new DriveInfo(facts.DiskPath);
        return new NodeStatus
        {
            Id = facts.Id,
            State = NodeState.Ready,
            Incarnation = facts.Incarnation,
            Url = facts.Url,
            Gateway = facts.Gateway,
            CpuMillicores = (int)(facts.Cpus * 1000),
            CpuUsedMillicores = CpuUsed(uses),
            MemoryBytes = memory,
            MemoryUsedBytes = uses.Sum(use => use.ResidentBytes),
            DiskBytes = disk.TotalSize,
            DiskUsedBytes = disk.TotalSize - disk.AvailableFreeSpace,
            Processes = programs.Processes,
            Tasks = programs.Tasks,
            Labels = _labels,
            Reported = time.GetUtcNow(),
            Disk = facts.Disk,
            HostProcess = Environment.ProcessId,
        };
    }

    private int CpuUsed(IReadOnlyList<ProcessUse> uses)
    {
        var now = time.GetTimestamp();
        var seconds = _measured == 0 ? 0 : time.GetElapsedTime(_measured, now).TotalSeconds;
        // A process that is new since the last measurement counts from its start; one that has gone is not counted any more.
        var used = uses.Sum(use => use.CpuSeconds - _cpuSeconds.GetValueOrDefault(use.Pid));
        (_cpuSeconds, _measured) = (uses.ToDictionary(use => use.Pid, use => use.CpuSeconds), now);
        return seconds <= 0 ? 0 : (int)Math.Round(used * 1000 / seconds);
    }

    private static Dictionary<string, string> WithOwn(NodeFacts facts) => new(facts.Labels)
    {
        ["os"] = OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "macos" : OperatingSystem.IsWindows() ? "windows" : "other",
        ["arch"] = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(),
        ["cores"] = Environment.ProcessorCount.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>What one process of the host uses; null once it has ended.</summary>
    private sealed record ProcessUse(int Pid, double CpuSeconds, long ResidentBytes)
    {
        public static ProcessUse? Read(int pid)
        {
            try
            {
                using var process = Process.GetProcessById(pid);
                return new ProcessUse(pid, process.TotalProcessorTime.TotalSeconds, process.WorkingSet64);
            }
            catch (Exception ended) when (ended is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                return null;
            }
        }
    }
}
