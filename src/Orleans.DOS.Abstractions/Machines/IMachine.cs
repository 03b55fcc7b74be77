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

    /// <summary>
    /// The same machine for one piece of work that can be repeated as a whole. The first changing call made through the answer carries
    /// <paramref name="request"/> itself, the n-th an id computed from it and n: whoever makes the same calls in the same order again, from
    /// wherever (over the same of HTTP and Orleans), within <see cref="Limits.RequestRetention"/>, changes nothing that is changed
    /// already and gets the first answers again. This is how to go on after <see cref="DosErrorCode.OutcomeUnknown"/>.
    /// </summary>
    /// <param name="request">Any but <see cref="RequestId.None"/>: one kept from before, the one that a failure names, or <see cref="RequestId.New"/>.</param>
    /// <exception cref="DosException">InvalidArgument: it is none. Later, of a call: StepDiverged, when the id came with something else before.</exception>
    IMachine WithRequest(RequestId request);
}
