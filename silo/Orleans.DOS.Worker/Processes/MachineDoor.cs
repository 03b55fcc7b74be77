using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Processes;

/// <summary>The machine as a program sees it: the SDK over the node's HTTP door, with the process' own credential.</summary>
internal sealed class MachineDoor(HttpMachine machine) : IDisposable
{
    public IMachine Machine => machine;

    public static MachineDoor Open(WorkerDoor door) =>
        new(HttpMachine.Create(new HttpMachineOptions { UnixSocketPath = door.ApiSocketPath, Token = door.Token, Machine = door.Machine }));

    public void Dispose() => machine.Dispose();
}
