using System.Text.Json.Serialization;
using Orleans.DOS.Checks;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Machines;

/// <summary>The JSON of the HTTP door, the same on both of its sides: camelCase, enumerations by name, identities flat.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    PropertyNameCaseInsensitive = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(NodeIdConverter), typeof(DiskIdConverter), typeof(MachineIdConverter), typeof(InodeIdConverter),
        typeof(ProcessIdConverter), typeof(JobIdConverter),
    ])]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(FileStat))]
[JsonSerializable(typeof(Page<FileStat>))]
[JsonSerializable(typeof(IReadOnlyList<FileLocation>))]
[JsonSerializable(typeof(AppendAnswer))]
[JsonSerializable(typeof(CheckStep))]
[JsonSerializable(typeof(ProcessSpec))]
[JsonSerializable(typeof(ProcessStatus))]
[JsonSerializable(typeof(Page<ProcessStatus>))]
[JsonSerializable(typeof(JobSpec))]
[JsonSerializable(typeof(JobStatus))]
[JsonSerializable(typeof(Page<JobStatus>))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(IReadOnlyList<NodeStatus>))]
[JsonSerializable(typeof(ClusterStatus))]
[JsonSerializable(typeof(IReadOnlyList<MachineSummary>))]
[JsonSerializable(typeof(Caller))]
public sealed partial class DosJson : JsonSerializerContext;
