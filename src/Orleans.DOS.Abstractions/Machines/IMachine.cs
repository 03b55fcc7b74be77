using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Machines;

/// <summary>
/// One virtual computer. The same interface serves a client application (<c>services.AddDosClient(...)</c>), a program that runs
/// inside (<see cref="IProgramContext.Machine"/>) and the HTTP door. Every failure that can be expected is a
/// <see cref="DosException"/>; everything takes a <see cref="CancellationToken"/>; no call hangs longer than
/// <see cref="Limits.CallTimeout"/> and a retry when the node that serves it dies.
/// </summary>
public interface IMachine
{
    /// <summary>The machine's name, e.g. <c>main</c>.</summary>
    string Name { get; }
    IProcesses Processes { get; }
    IJobs Jobs { get; }
    IFiles Files { get; }
    INodes Nodes { get; }
}
