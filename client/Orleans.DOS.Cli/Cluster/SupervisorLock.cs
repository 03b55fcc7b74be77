using System.Globalization;
using System.Text;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>
/// What makes a process the supervisor of a directory. The lock (flock: it goes with the process, however that ends) is only ever taken
/// by who wants to be it; who only asks reads the note beside it, so that asking never disturbs a start. The lock's file stays
/// for good: deleting it would let two processes hold two files of one name.
/// </summary>
internal sealed class SupervisorLock : IDisposable
{
    private readonly DataFolder _data;
    private readonly FileStream _held;
    private readonly HostProcess _self = HostProcess.Find(Environment.ProcessId)!.Value;

    private SupervisorLock(DataFolder data, FileStream held) => (_data, _held) = (data, held);

    /// <exception cref="DosException">InUse: another supervisor keeps this directory.</exception>
    public static SupervisorLock Take(DataFolder data)
    {
        FileStream held;
        try
        {
            held = new FileStream(data.LockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken) when (taken.GetType() == typeof(IOException))
        {
            throw new DosException(DosErrorCode.InUse, $"another 'dos up' keeps {data.Path}");
        }
        var supervisor = new SupervisorLock(data, held);
        supervisor.Note(ready: false);
        return supervisor;
    }

    /// <returns>The supervisor that lives, and whether all its nodes have been up; null when there is none.</returns>
    public static (HostProcess Process, bool Ready)? Find(DataFolder data)
    {
        try
        {
            // After a loss of power it may be empty: nobody lives who wrote it.
            return File.ReadAllText(data.SupervisorPath).Split(' ') is [var pid, var started, var state]
                && new HostProcess(int.Parse(pid, CultureInfo.InvariantCulture), long.Parse(started, CultureInfo.InvariantCulture)) is { IsAlive: true } process
                ? (process, state == "ready")
                : null;
        }
        catch (Exception none) when (none is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    public void Ready() => Note(ready: true);

    public void Dispose()
    {
        File.Delete(_data.SupervisorPath);
        _held.Dispose();
    }

    private void Note(bool ready)
    {
        // Renamed into place: who reads it sees it whole.
        var text = string.Create(CultureInfo.InvariantCulture, $"{_self.Pid} {_self.Started} {(ready ? "ready" : "starting")}");
        File.WriteAllText(_data.SupervisorPath + ".new", text, Encoding.ASCII);
        File.Move(_data.SupervisorPath + ".new", _data.SupervisorPath, overwrite: true);
    }
}
