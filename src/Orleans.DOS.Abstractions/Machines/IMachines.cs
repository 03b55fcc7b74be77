using Orleans.DOS.Security;

namespace Orleans.DOS.Machines;

/// <summary>Gives machines to doors (HTTP, worker pipes) inside a node: an <see cref="IMachine"/> whose calls are made as the caller.</summary>
public interface IMachines
{
    /// <param name="request">The id that the next changing call shall carry (from the caller, so that its repeat is recognised), or null for a new one each call.</param>
    /// <exception cref="DosException">NoSuchMachine; PermissionDenied when the caller's credential is for another machine.</exception>
    IMachine Open(string name, Caller caller, RequestId? request = null);
}
