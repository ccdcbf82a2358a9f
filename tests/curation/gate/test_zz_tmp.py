import shutil,time
from pathlib import Path
def test_x(finished):
    shutil.rmtree('/tmp/gx/rel',ignore_errors=True); shutil.copytree(finished/'release','/tmp/gx/rel')
    from curation.release import open_release
    from curation.gate import run_gate
    import json
    r=open_release('/tmp/gx/rel')
    for l in r.languages:
        print(l,[r.read('data',split=s,language=l).num_rows for s in r.splits])
    print(r.read('full',split='train').schema)
    t=time.time(); v=run_gate(r); print(time.time()-t)
    j=v.to_json()
    for c in j['checks']: print(c['id'],c['status'],c['language'],c['value'],c['op'],c['threshold'],c['detail'])
    print(j['metrics']['held_out'])
